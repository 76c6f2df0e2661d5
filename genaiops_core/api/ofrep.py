"""OFREP 0.3: the release, model and prompt of a user, for applications.

Responses are built once per routing table, flag and variant, and sent as bytes: a request costs one hash. The caller
names its application in `context.application`. No request reads the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from genaiops_core.rollouts.routing import CANARY, STABLE, Decision, RoutingTable, is_canary
from genaiops_core.rollouts.routing_cache import RoutingCache

router = APIRouter(prefix="/ofrep/v1", tags=["routing"])

PARSE_ERROR = "PARSE_ERROR"
INVALID_CONTEXT = "INVALID_CONTEXT"
TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
FLAG_NOT_FOUND = "FLAG_NOT_FOUND"

_MEDIA_TYPE = "application/json"
_EXAMPLE = {"context": {"targetingKey": "user-42", "application": "support-agent"}}
_DESCRIBED = {
    "requestBody": {
        "required": True,
        "content": {_MEDIA_TYPE: {"schema": {"type": "object", "example": _EXAMPLE}}},
    }
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The prepared responses for users of one variant."""

    flags: Mapping[str, bytes]
    bulk: bytes
    etag: str


@dataclass(frozen=True, kw_only=True)
class Served:
    """One routing table with the responses of its variants."""

    table: RoutingTable
    stable: Answers
    canary: Answers


class _Refused(Exception):
    """The request is invalid; has the fields of the OFREP error."""

    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        self.status, self.code, self.details = status, code, details

    def answer(self, key: str | None) -> Response:
        body = {"errorCode": self.code, "errorDetails": self.details}
        return _json(orjson.dumps(body if key is None else {"key": key, **body}), self.status)


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """Run the routing cache `app.state.routing` while the application runs."""
    follower = RoutingCache(app.state.engine, prepare)
    await asyncio.to_thread(follower.start)
    app.state.routing = follower
    try:
        yield
    finally:
        await asyncio.to_thread(follower.stop)


@router.post("/evaluate/flags/{key:path}", openapi_extra=_DESCRIBED, response_model=None)
async def evaluate_flag(key: str, request: Request) -> Response:
    """One flag: `release`, `model`, `prompt` or `prompt:NAME`."""
    try:
        answers = _answers(request.app.state.routing.by_application, await request.body())
        body = answers.flags.get(key)
        if body is None:
            raise _Refused(
                404, FLAG_NOT_FOUND, f"there is no flag '{key}'; there are {', '.join(answers.flags)}"
            )
    except _Refused as refused:
        return refused.answer(key)
    return _json(body)


@router.post("/evaluate/flags", openapi_extra=_DESCRIBED, response_model=None)
async def evaluate_flags(request: Request) -> Response:
    """All flags; 304 when `If-None-Match` has the current ETag."""
    try:
        answers = _answers(request.app.state.routing.by_application, await request.body())
    except _Refused as refused:
        return refused.answer(None)
    headers = {"ETag": answers.etag}
    if _matches(request.headers.get("if-none-match", ""), answers.etag):
        return Response(status_code=304, headers=headers)
    return _json(answers.bulk, headers=headers)


def prepare(table: RoutingTable) -> Served:
    """Build all responses of `table`."""
    stable = _prepare_variant(table, {flag: pair[0] for flag, pair in table.decisions.items()}, STABLE)
    canary = _prepare_variant(table, {flag: pair[1] for flag, pair in table.decisions.items()}, CANARY)
    return Served(table=table, stable=stable, canary=canary)


def _prepare_variant(table: RoutingTable, decisions: Mapping[str, Decision | None], variant: str) -> Answers:
    metadata = {"application": table.application, "version": table.version}
    flags = {
        key: orjson.dumps(
            {
                "key": key,
                "value": decision.value,
                "reason": decision.reason,
                "variant": decision.variant,
                "metadata": metadata,
            }
        )
        for key, decision in decisions.items()
        if decision is not None
    }
    # The answer is determined by these three, so the ETag needs no hash of its content.
    identity = orjson.dumps([table.application, table.version, variant])
    return Answers(
        flags=flags,
        bulk=b'{"flags":[' + b",".join(flags.values()) + b"]}",
        etag=f'"{sha256(identity).hexdigest()[:32]}"',
    )


def _answers(served_by_application: Mapping[str, Served], body: bytes) -> Answers:
    """The responses for the user and application in `body`."""
    context = _context(body)
    application = context.get("application")
    if not isinstance(application, str) or not application:
        raise _Refused(
            400,
            INVALID_CONTEXT,
            "context.application is required: the service name of your application",
        )
    served = served_by_application.get(application)
    if served is None:
        raise _Refused(404, FLAG_NOT_FOUND, f"no release of application '{application}' takes traffic yet")
    if served.table.canary is None:
        return served.stable
    targeting_key = context.get("targetingKey")
    if not isinstance(targeting_key, str) or not targeting_key:
        raise _Refused(
            400,
            TARGETING_KEY_MISSING,
            "context.targetingKey is required while traffic is split: the id of the user",
        )
    return served.canary if is_canary(served.table, targeting_key) else served.stable


def _context(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _Refused(400, PARSE_ERROR, f"the body is not valid JSON: {error}") from None
    context = parsed.get("context") if isinstance(parsed, dict) else None
    if not isinstance(context, dict):
        raise _Refused(
            400, INVALID_CONTEXT, "context.application is required: send {'context': {...}} as an object"
        )
    return context


def _matches(if_none_match: str, etag: str) -> bool:
    return etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))


def _json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, _MEDIA_TYPE)
