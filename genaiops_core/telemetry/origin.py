"""What spans and log records share: the fields of their resource, cleaned texts, and scores built from evaluations."""

from __future__ import annotations

from typing import Any

from genaiops_core.telemetry import conventions
from genaiops_core.telemetry.scores import Score

UNKNOWN_APPLICATION = "unknown_service"
"""The application of a resource without `service.name`; OpenTelemetry's own default."""

DEMO_ATTRIBUTE = "genaiops.demo"
"""Resource attribute, true on demo traffic; an application first received with it is registered as a demo application."""

_NUL = "\x00"


class Origin:
    """The application behind a resource, and the fields that its spans and log records inherit."""

    def __init__(self, resource: dict[str, Any]) -> None:
        fields = conventions.read_fields(resource)
        self.application = clean(resource.get("service.name"), 200) or UNKNOWN_APPLICATION
        self.environment = clean(fields.get("environment"), 200)
        self.release = clean(fields.get("release") or resource.get("service.version"), 200)
        self.session_id = clean(fields.get("session_id"), 200)
        self.user_id = clean(fields.get("user_id"), 200)
        self.region = clean(fields.get("region"), 60)
        self.is_demo = resource.get(DEMO_ATTRIBUTE) in (True, "true")


def clean(value: Any, limit: int) -> str:
    """Text for a database column: without NUL, which PostgreSQL rejects, and at most `limit` characters long."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if _NUL in text:
        text = text.replace(_NUL, "")
    return text if len(text) <= limit else text[:limit]


def build_score(
    evaluation: conventions.Evaluation,
    *,
    application: str,
    trace_id: str,
    start_ns: int,
    environment: str,
    release: str,
) -> Score:
    """Build the score of an evaluation that telemetry reports."""
    return Score(
        application=application,
        trace_id=trace_id,
        metric=clean(evaluation.name, 100),
        judge=clean(evaluation.judge, 200),
        value=evaluation.value,
        reason=clean(evaluation.explanation, 10_000),
        start_ns=start_ns,
        environment=environment,
        release=release,
    )
