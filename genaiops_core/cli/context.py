"""What a command needs: the settings, a migrated engine and the actor."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core import database_url
from genaiops_core.access.identity import actor_name
from genaiops_core.errors import Misconfigured

if TYPE_CHECKING:
    from genaiops_core.settings import Settings


def settings() -> Settings:
    from genaiops_core.settings import Settings

    return Settings()


def engine() -> sa.Engine:
    """Open the database of this environment and migrate it to the current schema."""
    try:
        opened = make_engine(database_url.from_environment())
    except ValueError as error:
        raise Misconfigured(str(error)) from error
    # Pending connections would otherwise delay or warn at the end of the interpreter.
    atexit.register(opened.dispose)
    upgrade(opened)
    return opened


def actor() -> str:
    """The actor of this command line: GENAIOPS_ACTOR, by default the login name."""
    return actor_name(settings().actor)
