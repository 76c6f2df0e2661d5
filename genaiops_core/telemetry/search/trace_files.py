"""Requests as CSV, JSON lines and Parquet, written piece by piece."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

import orjson

from genaiops_core.telemetry.search.trace_list import TraceRow

COLUMNS = (
    "trace_id",
    "application",
    "name",
    "start",
    "duration_ms",
    "status",
    "environment",
    "release",
    "model",
    "session_id",
    "user_id",
    "spans",
    "span_errors",
    "calls",
    "unpriced_calls",
    "cost_usd",
    "input_tokens",
    "output_tokens",
)
"""What is told of a request, one name in every format; the cost is an exact decimal number of USD."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class RowWriter(Protocol):
    """One file: what `begin`, every `rows` and `end` return, one after the other."""

    def begin(self) -> bytes: ...

    def rows(self, rows: Sequence[TraceRow]) -> bytes: ...

    def end(self) -> bytes: ...


class CsvWriter:
    """Comma separated, one header line, RFC 4180, UTF-8; what is not known is an empty cell."""

    def begin(self) -> bytes:
        return _csv([COLUMNS])

    def rows(self, rows: Sequence[TraceRow]) -> bytes:
        return _csv([[_cell(getattr(row, name)) for name in COLUMNS] for row in rows])

    def end(self) -> bytes:
        return b""


class JsonLinesWriter:
    """One JSON object a line."""

    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[TraceRow]) -> bytes:
        lines = [orjson.dumps({name: _json(getattr(row, name)) for name in COLUMNS}) for row in rows]
        return b"".join(line + b"\n" for line in lines)

    def end(self) -> bytes:
        return b""


class ParquetWriter:
    """Columns with types: instants in UTC to the microsecond, money as an exact decimal. A row group a page."""

    def __init__(self) -> None:
        # Only who exports Parquet pays for loading it.
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            "start": pa.timestamp("us", tz="UTC"),
            "duration_ms": pa.float64(),
            "cost_usd": pa.decimal128(38, 9),
            **dict.fromkeys(
                ("spans", "span_errors", "calls", "unpriced_calls", "input_tokens", "output_tokens"),
                pa.int64(),
            ),
        }
        self._schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
        self._table = pa.Table
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")

    def begin(self) -> bytes:
        return self._sink.taken()

    def rows(self, rows: Sequence[TraceRow]) -> bytes:
        told = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
        for one in told:
            one["cost_usd"] = None if one["cost_usd"] is None else Decimal(one["cost_usd"])
        if told:
            self._writer.write_table(self._table.from_pylist(told, schema=self._schema))
        return self._sink.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        # Spreadsheets run such cells; what came with a span must not.
        return f"'{value}"
    return value


def _json(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, dt.datetime) else value
