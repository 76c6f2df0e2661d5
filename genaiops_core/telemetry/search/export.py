"""Export of the requests that a search finds, as a stream of bounded memory.

Pages are read one by one, each from its own snapshot: nothing keeps the database busy while a slow reader reads, every
request comes once, and what arrives meanwhile is newer than where the export began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

import orjson
import sqlalchemy as sa

from db.tables.telemetry import request
from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.search.language import parse
from genaiops_core.telemetry.search.query import Query
from genaiops_core.telemetry.search.search import search
from genaiops_core.telemetry.search.trace_files import CsvWriter, JsonLinesWriter, ParquetWriter, RowWriter
from genaiops_core.telemetry.search.trace_list import TraceRow
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces.otlp_export import export_resource_spans

Format = Literal["csv", "jsonl", "parquet", "otlp"]
FORMATS: tuple[Format, ...] = get_args(Format)

_PAGE = paging.MAX_LIMIT
_CHUNK_BYTES = 1 << 16


class _File(NamedTuple):
    media_type: str
    filename: str


_FILES: Mapping[str, _File] = {
    "csv": _File("text/csv; charset=utf-8", "traces.csv"),
    "jsonl": _File("application/x-ndjson", "traces.jsonl"),
    "parquet": _File("application/vnd.apache.parquet", "traces.parquet"),
    "otlp": _File("application/json", "traces.otlp.json"),
}
_WRITERS: Mapping[str, Callable[[], RowWriter]] = {
    "csv": CsvWriter,
    "jsonl": JsonLinesWriter,
    "parquet": ParquetWriter,
}


def media_type(format: str) -> str:
    """What a file of this format is on the web."""
    return _FILES[_checked(format)].media_type


def filename(format: str) -> str:
    """A name for a file of this format."""
    return _FILES[_checked(format)].filename


def export(
    engine: sa.Engine, filters: Filters, query: str = "", *, format: str, limit: int | None = None
) -> Iterator[bytes]:
    """The requests found, newest first, as one file in pieces.

    CSV, JSON lines and Parquet have a row a request (`trace_files.COLUMNS`). OTLP is a trace export request with every
    span of the traces found; importing it elsewhere gives the same figures.

    Args:
        engine: the database.
        filters: the window and what it is narrowed to.
        query: a search; see `search_language`.
        format: one of `FORMATS`.
        limit: requests at most; None for all.

    Raises:
        BadInput: no such format, query or limit; before the first piece.
    """
    _checked(format)
    asked = parse(query)
    if limit is not None and limit < 1:
        raise BadInput(f"An export has at least one request, not {limit}.")
    pages = _pages(engine, filters, asked, limit)
    return _otlp(engine, pages) if format == "otlp" else _rows(pages, _WRITERS[format]())


def _checked(format: str) -> str:
    if format not in FORMATS:
        raise BadInput(f"There is no format '{format}'; use one of {', '.join(FORMATS)}.")
    return format


def _pages(
    engine: sa.Engine, filters: Filters, query: Query, limit: int | None
) -> Iterator[tuple[TraceRow, ...]]:
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        with reading(engine) as connection:
            wanted = _PAGE if left is None else min(left, _PAGE)
            page = search(connection, filters, query, limit=wanted, cursor=cursor)
        yield page.rows
        left = None if left is None else left - len(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def _rows(pages: Iterator[tuple[TraceRow, ...]], writer: RowWriter) -> Iterator[bytes]:
    yield writer.begin()
    for rows in pages:
        yield writer.rows(rows)
    yield writer.end()


def _otlp(engine: sa.Engine, pages: Iterator[tuple[TraceRow, ...]]) -> Iterator[bytes]:
    """One JSON object, its list written group by group."""
    # A trace that several applications took part in is several rows and one trace; others need no remembering.
    told: set[str] = set()
    pieces = [b'{"resourceSpans":[']
    size, separator = 0, b""
    for rows in pages:
        traces = dict.fromkeys(row.trace_id for row in rows if row.trace_id not in told)
        told |= _shared(engine, list(traces))
        for trace_id in traces:
            with reading(engine) as connection:
                for group in export_resource_spans(connection, trace_id):
                    piece = separator + orjson.dumps(group)
                    pieces.append(piece)
                    size, separator = size + len(piece), b",\n"
                    if size >= _CHUNK_BYTES:
                        yield b"".join(pieces)
                        pieces, size = [], 0
    pieces.append(b"]}\n")
    yield b"".join(pieces)


def _shared(engine: sa.Engine, traces: list[str]) -> set[str]:
    """Those of `traces` that have a request in more than one application."""
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(request.c.trace_id)
            .where(request.c.trace_id.in_(traces))
            .group_by(request.c.trace_id)
            .having(sa.func.count() > 1)
        )
        return set(rows.scalars())
