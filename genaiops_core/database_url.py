"""The URL of the database. Separate from `settings`, because pydantic takes longer to import than most commands run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT_HOME = Path(".genaiops")


def resolve(database_url: str, home: Path) -> str:
    """The database URL with the default filled in and a relative SQLite file made absolute."""
    if not database_url:
        return f"sqlite:///{(home / 'genaiops.db').resolve()}"
    if database_url.startswith("sqlite:///"):
        return f"sqlite:///{Path(database_url.removeprefix('sqlite:///')).resolve()}"
    return database_url


def from_environment(environment: Mapping[str, str] = os.environ) -> str:
    """The same as `Settings().url`, where names of variables are case-insensitive too."""
    values = {name.upper(): value for name, value in environment.items()}
    return resolve(
        values.get("GENAIOPS_DATABASE_URL", ""), Path(values.get("GENAIOPS_HOME", str(DEFAULT_HOME)))
    )
