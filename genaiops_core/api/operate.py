"""Operations for automation: what the command line does, over HTTP.

The actor is the header `X-GenAIOps-Actor`. The API listens on this machine only until it can authenticate callers, so
the name is taken as given; `host_guard` keeps out pages of other sites in a browser on this machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from db.transaction import reading
from genaiops_core.access.identity import actor_name
from genaiops_core.api.answers import MAX_NUMBER
from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts import rollouts


def _actor(x_genaiops_actor: Annotated[str, Header()] = "api") -> str:
    return actor_name(x_genaiops_actor)


router = APIRouter(prefix="/api/v1", tags=["operate"])
Actor = Annotated[str, Depends(_actor)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = ""


class Start(_Sent):
    """An approved release and its rollout; `percent` and `steps` have defaults."""

    release: str
    percent: float | None = None
    steps: list[float] | None = None


class SetCanary(_Sent):
    """The canary's new share; with `version`, only if the routing still has that version."""

    percent: float
    version: int | None = Field(None, le=MAX_NUMBER)


class Change(_Sent):
    """An optional reason."""


def _reason(sent: Annotated[Change | None, Body()] = None) -> str:
    return "" if sent is None else sent.reason


Reason = Annotated[str, Depends(_reason)]


class RollBack(_Sent):
    """A reason of at least three characters."""

    reason: str


class RollBackOf(RollBack):
    """A reason and the application."""

    application: str


@router.get("/rollouts")
def list_rollouts(request: Request, application: str | None = None) -> dict[str, Any]:
    """The stable release, the canary and the last rollout of each application."""
    with reading(_engine(request)) as connection:
        statuses = rollouts.status(connection, application or None)
    return {"rollouts": [dataclasses.asdict(rollout) for rollout in statuses]}


@router.post("/rollouts/{application:path}/start")
def start(request: Request, application: str, actor: Actor, sent: Start) -> dict[str, Any]:
    """Send part of the traffic to an approved release."""
    return _operate(request, rollouts.start, actor=actor, application=application, **sent.model_dump())


@router.post("/rollouts/{application:path}/set")
def set_canary(request: Request, application: str, actor: Actor, sent: SetCanary) -> dict[str, Any]:
    """Move the canary's share of traffic."""
    return _operate(
        request,
        rollouts.set_canary,
        actor=actor,
        application=application,
        percent=sent.percent,
        reason=sent.reason,
        expected_version=sent.version,
    )


@router.post("/rollouts/{application:path}/pause")
def pause(request: Request, application: str, actor: Actor, reason: Reason) -> dict[str, Any]:
    """Pause the rollout: the canary's share cannot grow."""
    return _operate(request, rollouts.pause, actor=actor, application=application, reason=reason)


@router.post("/rollouts/{application:path}/resume")
def resume(request: Request, application: str, actor: Actor, reason: Reason) -> dict[str, Any]:
    """Resume a paused rollout."""
    return _operate(request, rollouts.resume, actor=actor, application=application, reason=reason)


@router.post("/rollouts/{application:path}/promote")
def promote(request: Request, application: str, actor: Actor, reason: Reason) -> dict[str, Any]:
    """Make the canary the stable release for all users."""
    return _operate(request, rollouts.promote, actor=actor, application=application, reason=reason)


@router.post("/rollouts/{application:path}/rollback")
def roll_back_rollout(request: Request, application: str, actor: Actor, sent: RollBack) -> dict[str, Any]:
    """Route all traffic to the stable release and open an incident."""
    return _operate(request, procedure.roll_back, actor=actor, application=application, reason=sent.reason)


@router.post("/rollback")
def roll_back(request: Request, actor: Actor, sent: RollBackOf) -> dict[str, Any]:
    """The same, with the application in the body."""
    return roll_back_rollout(request, sent.application, actor, sent)


def _engine(request: Request) -> sa.Engine:
    engine: sa.Engine = request.app.state.engine
    return engine


def _operate(
    request: Request, use_case: Callable[..., rollouts.Rollout | procedure.Rollback], **arguments: Any
) -> dict[str, Any]:
    """Run a use case and return its result; it applies in this process at once, in others within a second."""
    outcome = use_case(_engine(request), **arguments)
    # At once, so that a client of this process sees its own change. An outage now must not deny the commit; the
    # routing cache repeats the refresh.
    with contextlib.suppress(SQLAlchemyError):
        request.app.state.routing.refresh()
    return dataclasses.asdict(outcome)
