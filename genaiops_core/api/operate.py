"""Operations for automation: what the command line does, over HTTP.

The actor is the header `X-GenAIOps-Actor`. The API listens on this machine only until it can authenticate callers, so
the name is taken as given; pages of other sites in a browser on this machine are kept out by their Origin.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Body, Depends, Header, Request
from pydantic import BaseModel, ConfigDict

from db.transaction import reading
from genaiops_core.access.identity import actor_name
from genaiops_core.errors import NotAllowed
from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts import rollouts


def same_site(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotAllowed(f"Pages of {origin} may not operate this console; send the request from a program.")


def _actor(x_genaiops_actor: Annotated[str, Header()] = "api") -> str:
    return actor_name(x_genaiops_actor)


router = APIRouter(prefix="/api/v1", tags=["operate"], dependencies=[Depends(same_site)])
Actor = Annotated[str, Depends(_actor)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = ""


class Start(_Sent):
    """Which approved release, and how it starts; `percent` and `steps` have defaults."""

    release: str
    percent: float | None = None
    steps: list[float] | None = None


class SetCanary(_Sent):
    """The canary's new share; with `version`, only if nobody changed the routing since."""

    percent: float
    version: int | None = None


class Change(_Sent):
    """Why; may be left out."""


class RollBack(_Sent):
    """Why, at least three characters."""

    reason: str


class RollBackOf(RollBack):
    """Why, and whose traffic."""

    application: str


@router.get("/rollouts")
def list_rollouts(request: Request, application: str | None = None) -> dict[str, Any]:
    """Where each application stands."""
    with reading(_engine(request)) as connection:
        found = rollouts.status(connection, application or None)
    return {"rollouts": [dataclasses.asdict(rollout) for rollout in found]}


@router.post("/rollouts/{application:path}/start")
def start(request: Request, application: str, actor: Actor, sent: Start) -> dict[str, Any]:
    """Send part of the traffic to an approved release."""
    return _done(
        request,
        rollouts.start(
            _engine(request),
            actor=actor,
            application=application,
            release=sent.release,
            percent=sent.percent,
            steps=sent.steps,
            reason=sent.reason,
        ),
    )


@router.post("/rollouts/{application:path}/set")
def set_canary(request: Request, application: str, actor: Actor, sent: SetCanary) -> dict[str, Any]:
    """Move the canary's share of traffic."""
    return _done(
        request,
        rollouts.set_canary(
            _engine(request),
            actor=actor,
            application=application,
            percent=sent.percent,
            reason=sent.reason,
            expected_version=sent.version,
        ),
    )


@router.post("/rollouts/{application:path}/pause")
def pause(
    request: Request, application: str, actor: Actor, sent: Annotated[Change | None, Body()] = None
) -> dict[str, Any]:
    """Hold the canary at its share."""
    return _done(
        request, rollouts.pause(_engine(request), actor=actor, application=application, reason=_why(sent))
    )


@router.post("/rollouts/{application:path}/resume")
def resume(
    request: Request, application: str, actor: Actor, sent: Annotated[Change | None, Body()] = None
) -> dict[str, Any]:
    """Let a paused rollout go on."""
    return _done(
        request, rollouts.resume(_engine(request), actor=actor, application=application, reason=_why(sent))
    )


@router.post("/rollouts/{application:path}/promote")
def promote(
    request: Request, application: str, actor: Actor, sent: Annotated[Change | None, Body()] = None
) -> dict[str, Any]:
    """Make the canary the stable release for everybody."""
    return _done(
        request, rollouts.promote(_engine(request), actor=actor, application=application, reason=_why(sent))
    )


@router.post("/rollouts/{application:path}/rollback")
def roll_back_rollout(request: Request, application: str, actor: Actor, sent: RollBack) -> dict[str, Any]:
    """Everybody back to the stable release; opens an incident."""
    return _done(
        request,
        procedure.roll_back(_engine(request), actor=actor, application=application, reason=sent.reason),
    )


@router.post("/rollback")
def roll_back(request: Request, actor: Actor, sent: RollBackOf) -> dict[str, Any]:
    """The same, with the application in the body."""
    return roll_back_rollout(request, sent.application, actor, sent)


def _engine(request: Request) -> sa.Engine:
    engine: sa.Engine = request.app.state.engine
    return engine


def _why(sent: Change | None) -> str:
    return "" if sent is None else sent.reason


def _done(request: Request, fact: rollouts.Rollout | procedure.Rollback) -> dict[str, Any]:
    """The outcome; this process routes by it at once, the others within a second."""
    request.app.state.routing.refresh()
    return dataclasses.asdict(fact)
