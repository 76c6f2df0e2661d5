"""All settings, in one place: name, default and help together, so that the docs can be checked against them."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from genaiops_core import database_url


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Settings(BaseSettings):
    """Read from the environment (`GENAIOPS_*`) once, at a door, and passed inward."""

    model_config = SettingsConfigDict(env_prefix="GENAIOPS_", extra="ignore")

    home: Path = Field(
        database_url.DEFAULT_HOME, description="Folder of the database and of what the console writes."
    )
    database_url: str = Field(
        "", description="sqlite:///FILE or postgresql://...; empty means genaiops.db in GENAIOPS_HOME."
    )
    actor: str = Field(default_factory=_login_name, description="Who the command line acts as.")
    host: str = Field("127.0.0.1", description="Address that UI and API listen on.")
    ui_port: int = Field(8501, description="Port of the console.", ge=1, le=65535)
    api_port: int = Field(4318, description="Port of the API (OTLP, OFREP, read API).", ge=1, le=65535)
    api_workers: int = Field(
        1, description="API processes sharing the port; more than one needs PostgreSQL.", ge=1
    )
    demo: bool = Field(False, description="Ready only once the demo applications are written.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    ingest_queue_batches: int = Field(
        64, description="Batches waiting for the database before OTLP answers 503 with Retry-After.", ge=1
    )
    max_request_mb: int = Field(
        64, description="Largest OTLP request accepted, in MB after decompression.", ge=1
    )
    rollup_model_limit: int = Field(
        200, description="Distinct models kept apart per application; later ones count as 'other'.", ge=1
    )

    use_stated_cost: bool = Field(
        True, description="Take the cost that a sender states where no price of the model is known."
    )

    invocation_logs: str = Field(
        "",
        description="Bedrock invocation logs to pull: s3://BUCKET/PREFIX or logs://LOG-GROUP; empty pulls none.",
    )
    invocation_logs_interval_s: int = Field(
        300, description="Seconds between two pulls of invocation logs.", ge=10
    )
    retention_payload_days: int = Field(
        30,
        description="Days that contents (attributes, messages, logs, replies of judges) are kept; 0 is for ever.",
        ge=0,
    )
    retention_span_days: int = Field(
        90, description="Days that spans, requests, scores and feedback are kept; 0 is for ever.", ge=0
    )
    retention_rollup_days: int = Field(400, description="Days that figures are kept; 0 is for ever.", ge=0)
    retention_minute_days: int = Field(
        30,
        description="Days that figures are kept by the minute, and not only by the hour; 0 is for ever.",
        ge=0,
    )

    sample_rate: float = Field(
        0.02, description="Share of ordinary requests that are judged, 0 to 1.", ge=0, le=1
    )
    sample_cost_usd: float = Field(
        0.05, description="Requests that cost more USD than this are always judged.", ge=0
    )
    sample_latency_ms: float = Field(
        3000, description="Requests that take more milliseconds than this are always judged.", ge=0
    )
    sample_judge: str = Field(
        "offline", description="Who judges sampled requests; empty only samples them, for people to review."
    )
    sample_daily_budget_usd: float = Field(
        5.0, description="USD a day (UTC) that judging sampled requests may cost.", ge=0
    )
    sample_per_minute: int = Field(600, description="Sampled requests judged in a minute at most.", ge=1)
    reviewers: int = Field(
        2, description="People who must rate a request before their verdict counts: 1 or 2.", ge=1, le=2
    )

    target_hosts: str = Field(
        "",
        description="Hosts that targets of evaluations may be on: host, host:port or *.domain, parted by commas; "
        "empty allows any but link-local and metadata addresses.",
    )
    judge_api_key: SecretStr = Field(
        SecretStr(""),
        description="Key of OpenAI-compatible judges; empty takes OPENAI_API_KEY, if that is set.",
    )
    judge_api_hosts: str = Field(
        "",
        description="Hosts, parted by commas, that the key of judges is sent to; empty sends it to any judge's host.",
    )

    @property
    def retention(self) -> dict[str, int]:
        """Days by kind, as `telemetry.privacy.retention.RetentionPeriods` names them."""
        return {
            name.removeprefix("retention_"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("retention_")
        }

    @property
    def url(self) -> str:
        """The database URL with the default filled in and a relative SQLite file made absolute."""
        return database_url.resolve(self.database_url, self.home)

    @property
    def masked_url(self) -> str:
        """The database URL fit to be shown."""
        return sa.make_url(self.url).render_as_string(hide_password=True)

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, with absolute paths, for a child process."""
        chosen = self.model_dump() | {"home": self.home.resolve(), "database_url": self.url}
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in chosen.items()
        }
        return {f"GENAIOPS_{name.upper()}": str(value) for name, value in plain.items()}

    def describe(self) -> list[dict[str, Any]]:
        """One row a setting: name, value (secrets masked), default and meaning."""
        values = self.model_dump() | {"database_url": self.masked_url}
        return [
            {
                "name": f"GENAIOPS_{name.upper()}",
                "value": str(values[name]),
                "default": "" if field.is_required() or field.default_factory else str(field.default),
                "help": field.description or "",
            }
            for name, field in type(self).model_fields.items()
        ]
