"""The read API of traces: the list and its search, exports, one trace, and the record for a complaint."""

from __future__ import annotations

import dataclasses
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from db.transaction import reading
from genaiops_core.api.answers import Window, answer, as_json_value, engine_of, json_response
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.telemetry.search import export as exporting
from genaiops_core.telemetry.search import trace_list as listing
from genaiops_core.telemetry.search.search import search
from genaiops_core.telemetry.traces.context_record import build_context_record
from genaiops_core.telemetry.traces.trace import MAX_LIMIT, Trace, get_trace

router = APIRouter()

Searched = Annotated[
    str,
    Query(description='A search, such as: status:error latency>3s score(faithfulness)<0.7 "refund policy"'),
]


@router.get("/traces")
def traces(
    request: Request,
    filters: Window,
    limit: int = 50,
    cursor: str | None = None,
    q: Searched = "",
    status: Annotated[str | None, Query(description="One of: " + ", ".join(listing.STATUSES))] = None,
    text: Annotated[str | None, Query(description="Part of the name, trace id, user or session.")] = None,
) -> Response:
    """Requests that started in the window, newest first; `next_cursor` is null on the last page."""
    if q and (status or text):
        raise BadInput("Use the search q, or status and text without it.")
    with reading(engine_of(request)) as connection:
        if q:
            page = search(connection, filters, q, limit=limit, cursor=cursor)
        else:
            page = listing.list_traces(
                connection, filters, limit=limit, cursor=cursor, status=status or None, text=text
            )
    body = {
        "traces": as_json_value(page.rows),
        "next_cursor": page.next_cursor,
        "looked_at": page.looked_at,
        "searched": page.searched,
    }
    return answer(filters, body)


@router.get("/traces/export")
def export(
    request: Request,
    filters: Window,
    format: Annotated[str, Query(description="One of: " + ", ".join(exporting.FORMATS))] = "jsonl",
    q: Searched = "",
    limit: Annotated[int | None, Query(description="Maximum number of requests; all by default.")] = None,
) -> Response:
    """The requests found as a file, in a stream; `otlp` has every span and can be imported again."""
    pieces = exporting.export(engine_of(request), filters, q, format=format, limit=limit)
    # Before the headers: afterwards an error of the database could no longer be a status.
    first_piece = next(pieces, b"")
    return StreamingResponse(
        chain((first_piece,), pieces),
        media_type=exporting.get_media_type(format),
        headers={"Content-Disposition": f'attachment; filename="{exporting.get_filename(format)}"'},
    )


@router.get("/traces/{trace_id}")
def read_trace(
    request: Request,
    trace_id: str,
    offset: Annotated[int, Query(description="Spans to skip, in tree order.")] = 0,
    limit: Annotated[int, Query(description=f"Spans to return, at most {MAX_LIMIT}.")] = MAX_LIMIT,
    collapse: Annotated[
        str, Query(description="Ids of spans, comma-separated, whose descendants are hidden.")
    ] = "",
) -> Response:
    """One trace with its spans in tree order, its cost and a diagnosis; totals are of the whole trace."""
    collapsed = [part.strip().lower() for part in collapse.split(",") if part.strip()]
    with reading(engine_of(request)) as connection:
        trace_facts = get_trace(connection, trace_id, offset=offset, limit=limit, collapse=collapsed)
    if trace_facts is None:
        raise _unknown(trace_id)
    return json_response(_trace_json(trace_facts))


@router.get("/traces/{trace_id}/context")
def read_context(request: Request, trace_id: str) -> Response:
    """What an answer was made of: documents with source, version and score, and the messages of each model call."""
    with reading(engine_of(request)) as connection:
        record = build_context_record(connection, trace_id)
    if record is None:
        raise _unknown(trace_id)
    return json_response(as_json_value(record))


def _unknown(trace_id: str) -> NotFound:
    return NotFound(f"There is no trace {trace_id}; no span of it has been received.")


def _trace_json(trace_facts: Trace) -> dict[str, Any]:
    body: dict[str, Any] = as_json_value(dataclasses.replace(trace_facts, errors=()))
    body["errors"] = [
        {
            "span_id": span.span_id,
            "name": span.name,
            "component": span.component,
            "message": span.status_message,
        }
        for span in trace_facts.errors
    ]
    return body
