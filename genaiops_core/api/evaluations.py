"""Evaluations over HTTP: what there is, how far it is, and what the command line does with it."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from db.transaction import reading
from genaiops_core.api.answers import MAX_NUMBER
from genaiops_core.api.operate import Actor
from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.rate_limits import RateLimits, parse_spend_limit
from genaiops_core.evaluation.runs.evaluation import describe_evaluation, describe_progress

router = APIRouter(prefix="/api/v1", tags=["evaluations"])


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = ""


class Launch(_Sent):
    """What to evaluate; as the options of `genaiops evaluate`."""

    dataset: str
    version: int | None = Field(None, le=MAX_NUMBER)
    judge: str = "offline"
    judge_options: dict[str, Any] = Field(default_factory=dict)
    metrics: list[str] | None = None
    config: dict[str, Any] | None = None
    minimums: dict[str, float] = Field(default_factory=dict)
    limits: dict[str, float] = Field(default_factory=dict)
    application: str = ""
    release: str = ""
    sample_size: int | None = Field(None, le=MAX_NUMBER)
    target: dict[str, Any] | None = None
    repetitions: int = 1
    baseline: str = ""
    concurrency: int = RateLimits.concurrency
    calls_per_minute: int | None = Field(None, le=MAX_NUMBER)
    unit_timeout_s: float = RateLimits.unit_timeout_s
    spend_limit_usd: float | None = None


class Change(_Sent):
    """Why; may be left out."""


class Resume(_Sent):
    """Why, and a new spend limit of the whole run; without one it stays."""

    spend_limit_usd: float | None = Field(None, ge=0)


@router.get("/evaluations")
def list_evaluations(
    request: Request,
    application: str | None = None,
    release: str | None = None,
    dataset: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Evaluations, newest first, without their results."""
    with reading(_engine(request)) as connection:
        evaluations = runs.list_evaluations(
            connection, application, release=release, dataset=dataset, limit=limit
        )
    return {"evaluations": [describe_evaluation(run) for run in evaluations]}


@router.get("/evaluations/{id}")
def get_evaluation(request: Request, id: str) -> dict[str, Any]:
    """One evaluation: progress, spend, remaining time, and its results once there are any."""
    with reading(_engine(request)) as connection:
        return _describe(runs.get(connection, id))


@router.post("/evaluations", status_code=201)
def launch(request: Request, actor: Actor, sent: Launch) -> dict[str, Any]:
    """Ask for an evaluation; a worker takes it up within a second."""
    choices = sent.model_dump(
        exclude={"concurrency", "calls_per_minute", "unit_timeout_s", "spend_limit_usd"}
    )
    pace = RateLimits(
        concurrency=sent.concurrency,
        calls_per_minute=sent.calls_per_minute,
        unit_timeout_s=sent.unit_timeout_s,
        spend_limit_nano_usd=parse_spend_limit(sent.spend_limit_usd),
    )
    id = runs.launch(_engine(request), actor=actor, pace=pace, **choices)
    return get_evaluation(request, id)


@router.post("/evaluations/{id}/pause")
def pause(
    request: Request, id: str, actor: Actor, sent: Annotated[Change | None, Body()] = None
) -> dict[str, Any]:
    """Finish the calls under way and begin no new one."""
    return _describe(runs.pause(_engine(request), actor=actor, id=id, reason=_why(sent)))


@router.post("/evaluations/{id}/resume")
def resume(
    request: Request, id: str, actor: Actor, sent: Annotated[Resume | None, Body()] = None
) -> dict[str, Any]:
    """Let it go on; no finished call is paid again."""
    limit = parse_spend_limit(sent.spend_limit_usd) if sent else None
    return _describe(
        runs.resume(_engine(request), actor=actor, id=id, reason=_why(sent), spend_limit_nano_usd=limit)
    )


@router.post("/evaluations/{id}/cancel")
def cancel(
    request: Request, id: str, actor: Actor, sent: Annotated[Change | None, Body()] = None
) -> dict[str, Any]:
    """Stop it; its scores are kept."""
    return _describe(runs.cancel(_engine(request), actor=actor, id=id, reason=_why(sent)))


def _engine(request: Request) -> sa.Engine:
    engine: sa.Engine = request.app.state.engine
    return engine


def _why(sent: _Sent | None) -> str:
    return "" if sent is None else sent.reason


def _describe(run: runs.Evaluation) -> dict[str, Any]:
    return {
        **describe_evaluation(run),
        **describe_progress(run, now()),
        "results": run.results,
    }
