"""All settings, in one place: name, default and help together, so that the docs can be checked against them."""

from __future__ import annotations

import getpass
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Settings(BaseSettings):
    """Read from the environment (`GENAIOPS_*`) once, at a door, and passed inward."""

    model_config = SettingsConfigDict(env_prefix="GENAIOPS_", extra="ignore")

    home: Path = Field(Path(".genaiops"), description="Folder of the database and of what the console writes.")
    database_url: str = Field(
        "", description="sqlite:///FILE or postgresql://...; empty means genaiops.db in GENAIOPS_HOME."
    )
    actor: str = Field(default_factory=_login_name, description="Who the command line acts as.")
    host: str = Field("127.0.0.1", description="Address that UI and API listen on.")
    ui_port: int = Field(8501, description="Port of the console.", ge=1, le=65535)
    api_port: int = Field(4318, description="Port of the API (OTLP, OFREP, read API).", ge=1, le=65535)
    api_workers: int = Field(1, description="API processes sharing the port; more than one needs PostgreSQL.", ge=1)
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    ingest_queue_batches: int = Field(
        64, description="Batches waiting for the database before OTLP answers 503 with Retry-After.", ge=1
    )
    max_request_mb: int = Field(64, description="Largest OTLP request accepted, in MB after decompression.", ge=1)
    rollup_model_limit: int = Field(
        200, description="Distinct models kept apart per application; later ones count as 'other'.", ge=1
    )

    @property
    def url(self) -> str:
        """The database URL with the default filled in."""
        return self.database_url or f"sqlite:///{(self.home / 'genaiops.db').resolve()}"
