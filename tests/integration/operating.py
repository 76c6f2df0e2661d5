"""What tests of releases, rollouts and rollbacks start from: approved releases, and traffic of the last minutes."""

import datetime as dt

import sqlalchemy as sa

from db.tables.telemetry import ROLLUP_SUMS, request, rollup_minute, score
from db.transaction import writing
from genaiops_core.releases import approvals, releases
from genaiops_core.rollouts import rollouts
from tests.histograms import histogram_of

APP = "support-agent"


def create_approved_release(
    engine: sa.Engine, release: str, *, application: str = APP, **manifest: object
) -> str:
    """Register a release as ada and approve it as grace."""
    releases.create(engine, actor="ada", application=application, release=release, **manifest)  # type: ignore[arg-type]
    approvals.request(engine, actor="ada", application=application, release=release)
    approvals.approve(engine, actor="grace", application=application, release=release)
    return release


def start(
    engine: sa.Engine, release: str, *, application: str = APP, percent: float | None = None
) -> rollouts.Rollout:
    return rollouts.start(engine, actor="linus", application=application, release=release, percent=percent)


def canary(
    engine: sa.Engine, *, stable: str = "v1", canary: str = "v2", percent: float = 5
) -> rollouts.Rollout:
    """`stable` takes all traffic but the `percent` of `canary`."""
    start(engine, create_approved_release(engine, stable, model=f"model-of-{stable}"))
    return start(engine, create_approved_release(engine, canary, model=f"model-of-{canary}"), percent=percent)


def traffic(
    engine: sa.Engine,
    release: str,
    *,
    at: dt.datetime,
    requests: int,
    errors: int = 0,
    latency_ms: float = 800,
    cost_usd: float = 0.01,
) -> None:
    """One minute of requests, each with one priced model call."""
    sums = dict.fromkeys(ROLLUP_SUMS, 0) | {
        "requests": requests,
        "request_errors": errors,
        "calls": requests,
        "cost_nano_usd": round(requests * cost_usd * 1e9),
    }
    with writing(engine) as connection:
        connection.execute(
            sa.insert(rollup_minute).values(
                application=APP,
                bucket=int(at.timestamp()) // 60,
                environment="",
                release=release,
                model="",
                shard=0,
                request_latency=histogram_of([round(latency_ms * 1e6)] * (requests - errors)),
                call_latency=b"",
                **sums,
            )
        )


def scores(engine: sa.Engine, release: str, *, at: dt.datetime, values: list[float | None]) -> None:
    """One scored request a value."""
    start_ns = int(at.timestamp()) * 10**9
    zeros = dict.fromkeys(
        ("spans", "span_errors", "calls", "unpriced_calls", "cost_nano_usd", "input_tokens", "output_tokens"),
        0,
    )
    texts = dict.fromkeys(("name", "environment", "model", "session_id", "user_id"), "")
    ids = [f"{release}-{number}" for number in range(len(values))]
    with writing(engine) as connection:
        connection.execute(
            sa.insert(request),
            [
                {
                    "application": APP,
                    "trace_id": trace_id,
                    "start_ns": start_ns,
                    "duration_ns": 1,
                    "is_error": False,
                    "release": release,
                    **zeros,
                    **texts,
                }
                for trace_id in ids
            ],
        )
        connection.execute(
            sa.insert(score),
            [
                {
                    "application": APP,
                    "trace_id": trace_id,
                    "metric": "faithfulness",
                    "judge": "test",
                    "value": value,
                    "reason": "",
                    "start_ns": start_ns,
                }
                for trace_id, value in zip(ids, values, strict=True)
            ],
        )
