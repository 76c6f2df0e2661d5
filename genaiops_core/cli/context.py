"""What a command needs: the settings, a migrated engine and the actor."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core import database_url
from genaiops_core.access.identity import actor_name

if TYPE_CHECKING:
    from genaiops_core.settings import Settings


def settings() -> Settings:
    """The settings of the environment; raises Misconfigured for an invalid or unknown one."""
    from genaiops_core.settings import read_settings

    return read_settings()


def engine() -> sa.Engine:
    """Open the database of this environment and migrate it to the current schema."""
    opened = make_engine(database_url.from_environment())
    # Pending connections would otherwise delay or warn at the end of the interpreter.
    atexit.register(opened.dispose)
    upgrade(opened)
    return opened


def actor() -> str:
    """The actor of this command line: GENAIOPS_ACTOR, by default the login name."""
    return actor_name(settings().actor)
