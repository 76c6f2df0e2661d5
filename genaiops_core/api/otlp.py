"""OTLP over HTTP: receives traces and logs, and acknowledges them after the commit; receives users' feedback."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from prometheus_client import Counter
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from genaiops_core import outages
from genaiops_core.api.bodies import decompress, read_body
from genaiops_core.api.otlp_answers import (
    JSON,
    PROTOBUF,
    Encoding,
    error_response,
    logs_response,
    traces_response,
)
from genaiops_core.errors import GenAIOpsError, Unavailable
from genaiops_core.logs import get_logger
from genaiops_core.settings import Settings
from genaiops_core.telemetry.ingest.ingest import SHARDS, Ingestor, describe_expired
from genaiops_core.telemetry.ingest.writer import Writer
from genaiops_core.telemetry.logs import prepare_logs
from genaiops_core.telemetry.otlp import decode
from genaiops_core.telemetry.otlp.logs import decode_log_parts
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.spans import Batch, prepare_spans

router = APIRouter(tags=["telemetry"])
log = get_logger(__name__)

T = TypeVar("T")

_DECODING_THREADS = 2

BODIES_AT_ONCE = 4
"""Maximum size of all bodies in memory, in multiples of the longest request."""

SPANS = Counter("genaiops_ingest_spans", "Spans received, by outcome.", ["outcome"])
LOG_RECORDS = Counter("genaiops_ingest_log_records", "Log records received, by outcome.", ["outcome"])
REFUSED = Counter(
    "genaiops_ingest_refused", "OTLP requests answered with an error, by HTTP status.", ["status"]
)


class UnsupportedType(GenAIOpsError):
    """The body is neither OTLP protobuf nor OTLP JSON."""

    http_status = 415


class Feedback(BaseModel):
    """The feedback of a user on one answer."""

    trace_id: str
    user_id: str = ""
    rating: float | None = Field(None, allow_inf_nan=False)
    thumb: Literal["up", "down"] | None = None
    comment: str = ""


@asynccontextmanager
async def ingesting(app: FastAPI) -> AsyncIterator[None]:
    """Run the writer of this process while the application runs."""
    settings: Settings = app.state.settings
    # Workers of one server have neighbouring process ids, so their shards differ; should two agree, they only wait.
    ingestor = Ingestor(
        shard=os.getpid() % SHARDS,
        model_limit=settings.rollup_model_limit,
        use_stated_cost=settings.use_stated_cost,
    )
    writer = Writer(app.state.engine, ingestor, queue_batches=settings.ingest_queue_batches)
    writer.start()
    app.state.writer = writer
    app.state.in_flight = InFlight(BODIES_AT_ONCE * settings.max_request_mb * 2**20)
    app.state.decoders = ThreadPoolExecutor(_DECODING_THREADS, thread_name_prefix="otlp-decode")
    # Objects that exist now stay until the end, so the garbage collector need not scan them again and again.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        app.state.decoders.shutdown()
        # In a thread: the writer may need seconds for its last batches, and futures resolve in this loop.
        await asyncio.to_thread(writer.stop)


@router.post("/v1/traces")
async def traces(request: Request) -> Response:
    """Receive an OTLP export of spans; the response follows their commit."""
    encoding = _answer_encoding(request)
    try:
        outcome = await _ingest(request, _span_batches)
    except Exception as error:
        return _refuse(encoding, error)
    SPANS.labels("kept").inc(outcome.stored)
    SPANS.labels("rejected").inc(outcome.rejected)
    return traces_response(encoding, rejected=outcome.rejected, problem=outcome.problem)


@router.post("/v1/logs")
async def logs(request: Request) -> Response:
    """Receive an OTLP export of log records; those with a trace id are stored and shown with its spans."""
    encoding = _answer_encoding(request)
    try:
        outcome = await _ingest(request, _log_batches)
    except Exception as error:
        return _refuse(encoding, error)
    LOG_RECORDS.labels("kept").inc(outcome.stored)
    LOG_RECORDS.labels("rejected").inc(outcome.rejected)
    return logs_response(encoding, rejected=outcome.rejected, problem=outcome.problem)


@router.post("/v1/feedback", status_code=201)
def give_feedback(request: Request, sent: Feedback) -> dict[str, bool]:
    """Store a user's rating, thumb or comment on one trace."""
    feedback.record_feedback(request.app.state.engine, **sent.model_dump())
    return {"kept": True}


@dataclass(slots=True)
class InFlight:
    """Size of all bodies in memory, limited so that concurrent large requests cannot exhaust it."""

    limit: int
    held: int = 0

    def take(self, length: int) -> None:
        """Reserve `length` bytes.

        Raises:
            Unavailable: the limit is reached by other requests; the sender should retry.
        """
        # A request is always accepted when nothing else is held, so one of the maximum size cannot wait forever.
        if self.held and self.held + length > self.limit:
            raise Unavailable("Too many large requests at once; send this one again in a second.")
        self.held += length

    def give(self, length: int) -> None:
        self.held -= length


@dataclass(slots=True)
class _Outcome:
    """Result of one request."""

    stored: int = 0
    rejected: int = 0
    problem: str = ""


async def _ingest(request: Request, batches_of: Callable[[bytes, bool], Iterator[Batch]]) -> _Outcome:
    """Decode and commit one request, a large one in several transactions.

    If a later transaction fails, the sender sends the request again, and stored spans change nothing.
    """
    writer: Writer = request.app.state.writer
    in_flight: InFlight = request.app.state.in_flight
    # Before the body is read, so that a full queue costs no memory.
    writer.reserve()
    outcome, held = _Outcome(), 0
    try:
        body = await _body(request)
        in_flight.take(len(body))
        held = len(body)
        batches = batches_of(body, _media_type(request) == JSON)
        # From here on only the decoder refers to it, which frees decoded parts.
        del body
        while (batch := await _in_decoder(request, next, batches, None)) is not None:
            stored = await asyncio.wrap_future(writer.submit(batch)) if batch.spans or batch.logs else 0
            expired = len(batch.spans) - stored
            outcome.stored += stored + len(batch.logs)
            outcome.rejected += batch.rejected + expired
            outcome.problem = outcome.problem or batch.problem or describe_expired(expired)
        return outcome
    finally:
        in_flight.give(held)
        writer.release()


async def _body(request: Request) -> bytes:
    """The decompressed body of a request in OTLP protobuf or OTLP JSON."""
    media_type = _media_type(request)
    if media_type not in (PROTOBUF, JSON):
        raise UnsupportedType(f"Content-Type {media_type!r} is not supported; send {PROTOBUF} or {JSON}.")
    settings: Settings = request.app.state.settings
    limit_bytes = settings.max_request_mb * 2**20
    body = await read_body(request, limit_bytes)
    encoding = request.headers.get("content-encoding", "")
    return await _in_decoder(request, decompress, body, encoding, limit_bytes)


async def _in_decoder(request: Request, work: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(request.app.state.decoders, work, *arguments)


def _span_batches(body: bytes, is_json: bool) -> Iterator[Batch]:
    return map(prepare_spans, decode.decode_parts(body, is_json=is_json))


def _log_batches(body: bytes, is_json: bool) -> Iterator[Batch]:
    for export in decode_log_parts(body, is_json=is_json):
        yield Batch(spans=[], logs=prepare_logs(export), rejected=export.rejected, problem=export.problem)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _answer_encoding(request: Request) -> Encoding:
    return PROTOBUF if _media_type(request) == PROTOBUF else JSON


def _refuse(encoding: Encoding, error: Exception) -> Response:
    if not isinstance(error, GenAIOpsError):
        # While an outage lasts, a request may also fail before its batch reaches the writer.
        error = outages.find_unavailable(error) or error
    if not isinstance(error, GenAIOpsError | SQLAlchemyError):  # the writer has logged errors of the database
        log.error("an OTLP request failed", exc_info=error)
    answer = error_response(encoding, error)
    REFUSED.labels(str(answer.status_code)).inc()
    return answer
