"""Exports the requests that match a search, as a stream with bounded memory.

Each page is read from a snapshot of its own, so that a slow client holds no transaction open. The cursor goes from new
to old, so every request appears once and requests that arrive during the export are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
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

_ROWS_PER_PAGE = paging.MAX_LIMIT
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


def get_media_type(format: str) -> str:
    """The media type of a file of this format."""
    return _FILES[_check_format(format)].media_type


def get_filename(format: str) -> str:
    """The file name for a download of this format."""
    return _FILES[_check_format(format)].filename


def export(
    engine: sa.Engine, filters: Filters, query: str = "", *, format: str, limit: int | None = None
) -> Iterator[bytes]:
    """Yield the matching requests, newest first, as the pieces of one file.

    CSV, JSON lines and Parquet have one row per request (`trace_files.COLUMNS`). OTLP is a trace export request with
    every span of the matching traces; an import of it gives the same figures.

    Args:
        engine: the database.
        filters: the window and the dimensions.
        query: a search; see `language`.
        format: one of `FORMATS`.
        limit: maximum number of requests; None for all.

    Raises:
        BadInput: an invalid format, query or limit; raised before the first piece.
    """
    _check_format(format)
    # Parsed here and not in the generator, so that an error comes before the response has begun.
    parsed_query = parse(query)
    if limit is not None and limit < 1:
        raise BadInput(f"The limit of an export is {limit}; use 1 or more.")
    pages = _read_pages(engine, filters, parsed_query, limit)
    return _write_otlp(engine, pages) if format == "otlp" else _write_rows(pages, _WRITERS[format]())


def _check_format(format: str) -> str:
    if format not in FORMATS:
        raise BadInput(f"'{format}' is not a valid format; use one of {', '.join(FORMATS)}.")
    return format


def _read_pages(
    engine: sa.Engine, filters: Filters, query: Query, limit: int | None
) -> Iterator[tuple[TraceRow, ...]]:
    cursor: str | None = None
    remaining = limit
    while remaining is None or remaining > 0:
        with reading(engine) as connection:
            page_limit = _ROWS_PER_PAGE if remaining is None else min(remaining, _ROWS_PER_PAGE)
            page = search(connection, filters, query, limit=page_limit, cursor=cursor)
        yield page.rows
        remaining = None if remaining is None else remaining - len(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def _write_rows(pages: Iterator[tuple[TraceRow, ...]], writer: RowWriter) -> Iterator[bytes]:
    # Read before the first piece, so that an unavailable database is an error and not a file that ends early.
    first_rows = next(pages, ())
    yield writer.begin()
    for rows in chain((first_rows,), pages):
        yield writer.write_rows(rows)
    yield writer.end()


def _write_otlp(engine: sa.Engine, pages: Iterator[tuple[TraceRow, ...]]) -> Iterator[bytes]:
    """One JSON object whose list is written group by group."""
    # A trace of several applications has several rows and must be exported once; only such traces are remembered.
    exported: set[str] = set()
    pieces = [b'{"resourceSpans":[']
    size, separator = 0, b""
    for rows in pages:
        traces = dict.fromkeys(row.trace_id for row in rows if row.trace_id not in exported)
        exported |= _find_shared_traces(engine, list(traces))
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


def _find_shared_traces(engine: sa.Engine, traces: list[str]) -> set[str]:
    """The traces with a request in more than one application."""
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(request.c.trace_id)
            .where(request.c.trace_id.in_(traces))
            .group_by(request.c.trace_id)
            .having(sa.func.count() > 1)
        )
        return set(rows.scalars())
