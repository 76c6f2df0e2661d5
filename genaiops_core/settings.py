"""All settings with name, default and help; a test compares the documentation with them."""

from __future__ import annotations

import difflib
import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from genaiops_core import database_url
from genaiops_core.access.host_patterns import parse_patterns
from genaiops_core.access.outbound import parse_outbound_rule
from genaiops_core.errors import Misconfigured

_FURTHER_PREFIXES = ("GENAIOPS_TARGET_", "GENAIOPS_TEST_", "GENAIOPS_BENCH_")
"""Variables that targets refer to, and switches of tests and benchmarks."""

_OF_A_CONTAINER_PLATFORM = re.compile(r"GENAIOPS_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)|PORT_[0-9]+_)\w*")
"""Set in every container of a cluster that has a service with the name of the product."""


def _login_name() -> str:
    try:
        return getpass.getuser()
    # A container may run as a user ID without a name.
    except (KeyError, OSError):
        return "unknown"


class Settings(BaseSettings):
    """Settings of a process, read once from the environment (`GENAIOPS_*`) and passed to the functions that need them."""

    model_config = SettingsConfigDict(env_prefix="GENAIOPS_", extra="ignore")

    home: Path = Field(
        database_url.DEFAULT_HOME, description="Folder of the database and of other files of the console."
    )
    database_url: str = Field(
        "", description="sqlite:///FILE or postgresql://...; empty means genaiops.db in GENAIOPS_HOME."
    )
    actor: str = Field(default_factory=_login_name, description="Actor of the command line.")
    host: str = Field("127.0.0.1", description="Address that UI and API listen on.")
    allowed_hosts: str = Field(
        "",
        description="Further hosts that UI and API serve, such as the name of a proxy: host, host:port or *.domain, "
        "comma-separated; names of this machine are always served.",
    )
    ui_port: int = Field(8501, description="Port of the console.", ge=1, le=65535)
    api_port: int = Field(4318, description="Port of the API (OTLP, OFREP, read API).", ge=1, le=65535)
    api_workers: int = Field(
        1, description="API processes sharing the port; more than one needs PostgreSQL.", ge=1
    )
    demo: bool = Field(False, description="Ready only after the demo applications are written.")
    ready_with_ui: bool = Field(False, description="Ready only while the console is warmed up and responds.")
    log_level: str = Field(
        "INFO",
        description="DEBUG, INFO, WARNING or ERROR.",
        pattern="(?i)^(debug|info|warning|error|critical)$",
    )
    ingest_queue_batches: int = Field(
        64, description="Batches that wait for the database before OTLP returns 503 with Retry-After.", ge=1
    )
    max_request_mb: int = Field(
        64, description="Largest accepted OTLP request, in MB after decompression.", ge=1
    )
    rollup_model_limit: int = Field(
        200,
        description="Largest number of distinct models per application in rollups; others count as 'other'.",
        ge=1,
    )

    root_span_grace_s: int = Field(
        300,
        description="Seconds after the end of the last span after which a trace without root span counts as a request.",
        ge=1,
    )
    use_stated_cost: bool = Field(
        True, description="Take the cost that a sender states where no price of the model is known."
    )

    invocation_logs: str = Field(
        "",
        description="Bedrock invocation logs to pull: s3://BUCKET/PREFIX or logs://LOG-GROUP; empty: none.",
    )
    invocation_logs_interval_s: int = Field(
        300, description="Seconds between two pulls of invocation logs.", ge=10
    )
    retention_payload_days: int = Field(
        30,
        description="Retention of contents (attributes, messages, logs, replies of judges) in days; 0 = keep forever.",
        ge=0,
    )
    retention_span_days: int = Field(
        90, description="Retention of spans, requests, scores and feedback in days; 0 = keep forever.", ge=0
    )
    retention_rollup_days: int = Field(
        400, description="Retention of figures in days; 0 = keep forever.", ge=0
    )
    retention_minute_days: int = Field(
        30,
        description="Retention of figures by minute in days, later by hour; 0 = keep forever.",
        ge=0,
    )

    sample_rate: float = Field(
        0.02, description="Sample rate: share of ordinary requests that are scored, 0 to 1.", ge=0, le=1
    )
    sample_cost_usd: float = Field(
        0.05, description="Requests that cost more USD than this are always scored.", ge=0
    )
    sample_latency_ms: float = Field(
        3000, description="Requests that take more milliseconds than this are always scored.", ge=0
    )
    sample_judge: str = Field(
        "offline", description="Judge of sampled requests; empty: sampled for human review only."
    )
    sample_daily_budget_usd: float = Field(
        5.0, description="Daily (UTC) budget in USD for scoring sampled requests.", ge=0
    )
    sample_per_minute: int = Field(
        600, description="Largest number of sampled requests scored per minute.", ge=1
    )
    reviewers: int = Field(
        2, description="Reviewers per request before the score counts: 1 or 2.", ge=1, le=2
    )

    target_hosts: str = Field(
        "",
        description="Allowed hosts of evaluation targets: host, host:port or *.domain, comma-separated; "
        "empty: any, but a secret is sent only to hosts of this list.",
    )
    private_hosts: str = Field(
        "",
        description="Hosts and networks that judges, targets and webhooks may call although their addresses are private: "
        "host, host:port, *.domain or a network such as 10.0.0.0/8, comma-separated.",
    )
    judge_api_key: SecretStr = Field(
        SecretStr(""),
        description="API key of OpenAI-compatible judges; empty: OPENAI_API_KEY.",
    )
    judge_api_hosts: str = Field(
        "api.openai.com",
        description="Hosts that may receive the API key of judges: host, host:port or *.domain, comma-separated; "
        "empty: none.",
    )

    @property
    def retention(self) -> dict[str, int]:
        """Retention in days by the field names of `telemetry.privacy.retention.RetentionPeriods`."""
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
    def display_url(self) -> str:
        """The database URL without its password."""
        return sa.make_url(self.url).render_as_string(hide_password=True)

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, with absolute paths, for a child process."""
        chosen = self.model_dump() | {"home": self.home.resolve(), "database_url": self.url}
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            # Secrets in clear: a child process must get the same settings.
            for name, value in chosen.items()
        }
        return {f"GENAIOPS_{name.upper()}": str(value) for name, value in plain.items()}

    def describe(self) -> list[dict[str, Any]]:
        """Describe every setting: name, value (secrets masked), default and help."""
        values = self.model_dump() | {"database_url": self.display_url}
        return [
            {
                "name": f"GENAIOPS_{name.upper()}",
                "value": str(values[name]),
                "default": "" if field.is_required() or field.default_factory else str(field.default),
                "help": field.description or "",
            }
            for name, field in type(self).model_fields.items()
        ]


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, and check all of them.

    Raises:
        Misconfigured: a value is invalid, or a variable with the prefix of the product is no setting.
    """
    _require_known_names(environment)
    try:
        settings = Settings()
    except ValidationError as error:
        raise Misconfigured(" ".join(_describe_problem(problem) for problem in error.errors())) from None
    for name in ("allowed_hosts", "target_hosts", "judge_api_hosts"):
        parse_patterns(getattr(settings, name), f"GENAIOPS_{name.upper()}")
    parse_outbound_rule(settings.private_hosts)
    return settings


def _require_known_names(environment: Mapping[str, str]) -> None:
    known = [f"GENAIOPS_{name.upper()}" for name in Settings.model_fields]
    for name, value in environment.items():
        upper = name.upper()
        is_foreign = upper.startswith(_FURTHER_PREFIXES) or _OF_A_CONTAINER_PLATFORM.fullmatch(upper)
        if not upper.startswith("GENAIOPS_") or upper in known or is_foreign or value.startswith("tcp://"):
            continue
        # Without the prefix, which makes every pair of names similar.
        prefix = "GENAIOPS_"
        similar = difflib.get_close_matches(
            upper.removeprefix(prefix), [setting.removeprefix(prefix) for setting in known], n=1
        )
        hint = f"did you mean {prefix}{similar[0]}?" if similar else "genaiops settings lists all settings."
        raise Misconfigured(f"There is no setting {name}; {hint}")


def _describe_problem(problem: Any) -> str:
    """One sentence about an invalid value; a secret is not repeated."""
    field = str(problem["loc"][0])
    value = "" if "secret" in problem["type"] or field == "judge_api_key" else f" is '{problem['input']}'"
    reason = str(problem["msg"])
    if field == "log_level":
        reason = "it must be DEBUG, INFO, WARNING or ERROR"
    reason = reason.replace("Input should be", "it must be").rstrip(".")
    return f"GENAIOPS_{field.upper()}{value}: {reason}."
