"""OTLP over HTTP: traces in, acknowledged after they are committed; and users' feedback."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from prometheus_client import Counter
from pydantic import BaseModel, Field

from genaiops_core.api.bodies import decompress, read_body
from genaiops_core.api.otlp_answers import JSON, PROTOBUF, Encoding, logs_accepted, refused, traces_accepted
from genaiops_core.errors import GenAIOpsError
from genaiops_core.settings import Settings
from genaiops_core.telemetry import feedback, otlp
from genaiops_core.telemetry.ingest import SHARDS, Ingestor
from genaiops_core.telemetry.spans import Batch, prepare
from genaiops_core.telemetry.writer import Writer

router = APIRouter(tags=["telemetry"])
log = structlog.get_logger(__name__)

T = TypeVar("T")

_DECODING_THREADS = 2

SPANS = Counter("genaiops_ingest_spans", "Spans received, by what became of them.", ["outcome"])
REFUSED = Counter(
    "genaiops_ingest_refused", "OTLP requests answered with an error, by HTTP status.", ["status"]
)


class UnsupportedType(GenAIOpsError):
    """The body is neither OTLP protobuf nor OTLP JSON."""

    http_status = 415


class Feedback(BaseModel):
    """What a user thought of one answer."""

    trace_id: str
    user_id: str = ""
    rating: float | None = Field(None, allow_inf_nan=False)
    thumb: Literal["up", "down"] | None = None
    comment: str = ""


@asynccontextmanager
async def ingesting(app: FastAPI) -> AsyncIterator[None]:
    """Run the writer of this process for as long as the application is served."""
    settings: Settings = app.state.settings
    # Workers of one server have neighbouring process ids, so their shards differ; should two agree, they only wait.
    ingestor = Ingestor(shard=os.getpid() % SHARDS, model_limit=settings.rollup_model_limit)
    writer = Writer(app.state.engine, ingestor, queue_batches=settings.ingest_queue_batches)
    writer.start()
    app.state.writer = writer
    app.state.decoders = ThreadPoolExecutor(_DECODING_THREADS, thread_name_prefix="otlp-decode")
    # What is loaded by now stays: full collections need not walk it for every few batches.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        app.state.decoders.shutdown()
        await asyncio.to_thread(writer.stop)


@router.post("/v1/traces")
async def traces(request: Request) -> Response:
    """Take an OTLP export of spans; the answer comes once they are committed and can be queried."""
    encoding = _answer_encoding(request)
    try:
        batch = await _ingested(request)
    except Exception as error:
        return _refused(encoding, error)
    SPANS.labels("kept").inc(len(batch.spans))
    SPANS.labels("rejected").inc(batch.rejected)
    return traces_accepted(encoding, rejected=batch.rejected, problem=batch.problem)


@router.post("/v1/logs")
async def logs(request: Request) -> Response:
    """Take an OTLP export of log records; they are checked, and the answer says that they are not kept yet."""
    encoding = _answer_encoding(request)
    try:
        records = await _decoded(request, _count_log_records)
    except Exception as error:
        return _refused(encoding, error)
    problem = (
        "log records are not kept yet; send message contents as span attributes or events" if records else ""
    )
    return logs_accepted(encoding, rejected=records, problem=problem)


@router.post("/v1/feedback", status_code=201)
def give_feedback(request: Request, given: Feedback) -> dict[str, bool]:
    """Keep a user's rating, thumb or comment on one trace."""
    feedback.give(request.app.state.engine, **given.model_dump())
    return {"kept": True}


async def _ingested(request: Request) -> Batch:
    writer: Writer = request.app.state.writer
    writer.reserve()
    try:
        batch = await _decoded(request, _prepared)
        if batch.spans:
            await asyncio.wrap_future(writer.submit(batch))
        return batch
    finally:
        writer.release()


async def _decoded(request: Request, decode: Callable[[bytes, bool], T]) -> T:
    media_type = _media_type(request)
    if media_type not in (PROTOBUF, JSON):
        raise UnsupportedType(f"Content-Type {media_type!r} is not known here; send {PROTOBUF} or {JSON}.")
    limit_bytes = request.app.state.settings.max_request_mb * 2**20
    body = await read_body(request, limit_bytes)
    encoding = request.headers.get("content-encoding", "")

    def work() -> T:
        return decode(decompress(body, encoding, limit_bytes), media_type == JSON)

    return await asyncio.get_running_loop().run_in_executor(request.app.state.decoders, work)


def _prepared(body: bytes, is_json: bool) -> Batch:
    return prepare(otlp.decode_json(body) if is_json else otlp.decode_protobuf(body))


def _count_log_records(body: bytes, is_json: bool) -> int:
    return otlp.count_log_records(body, is_json=is_json)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _answer_encoding(request: Request) -> Encoding:
    return PROTOBUF if _media_type(request) == PROTOBUF else JSON


def _refused(encoding: Encoding, error: Exception) -> Response:
    if not isinstance(error, GenAIOpsError):
        log.error("an OTLP request failed", error=str(error)[:300], exc_info=error)
    answer = refused(encoding, error)
    REFUSED.labels(str(answer.status_code)).inc()
    return answer
