"""What a command needs: settings, a migrated engine, and who acts."""

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
    """The database of this environment, brought to the current schema."""
    try:
        opened = make_engine(database_url.from_environment())
    except ValueError as error:
        raise Misconfigured(str(error)) from error
    atexit.register(opened.dispose)
    upgrade(opened)
    return opened


def actor() -> str:
    """Who the command line acts as: GENAIOPS_ACTOR, by default the login name."""
    return actor_name(settings().actor)
