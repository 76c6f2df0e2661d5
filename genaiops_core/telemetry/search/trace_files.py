"""Writes requests as CSV, JSON lines and Parquet, piece by piece."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

import orjson

from genaiops_core.formulas import escape_formula
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
"""Fields of a request, with the same names in every format; the cost is an exact decimal number of USD."""


class RowWriter(Protocol):
    """Writes one file: the concatenated results of `begin`, each `write_rows` and `end`."""

    def begin(self) -> bytes: ...

    def write_rows(self, rows: Sequence[TraceRow]) -> bytes: ...

    def end(self) -> bytes: ...


class CsvWriter:
    """Comma-separated, one header line, RFC 4180, UTF-8; an unknown value is an empty cell."""

    def begin(self) -> bytes:
        return _format_csv([COLUMNS])

    def write_rows(self, rows: Sequence[TraceRow]) -> bytes:
        return _format_csv([[_format_cell(getattr(row, name)) for name in COLUMNS] for row in rows])

    def end(self) -> bytes:
        return b""


class JsonLinesWriter:
    """One JSON object per line."""

    def begin(self) -> bytes:
        return b""

    def write_rows(self, rows: Sequence[TraceRow]) -> bytes:
        lines = [
            orjson.dumps({name: _format_json_value(getattr(row, name)) for name in COLUMNS}) for row in rows
        ]
        return b"".join(line + b"\n" for line in lines)

    def end(self) -> bytes:
        return b""


class ParquetWriter:
    """Typed columns: times in UTC to the microsecond, cost as an exact decimal. One row group per page."""

    def __init__(self) -> None:
        # Imported late, because loading pyarrow is slow and other formats do not need it.
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
        return self._sink.take()

    def write_rows(self, rows: Sequence[TraceRow]) -> bytes:
        records = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
        for record in records:
            # A text becomes Decimal: a float would lose the exact value.
            record["cost_usd"] = None if record["cost_usd"] is None else Decimal(record["cost_usd"])
        if records:
            self._writer.write_table(self._table.from_pylist(records, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class _Sink(io.RawIOBase):
    """A write-only file whose content can be taken out while the writer is still open."""

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

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _format_csv(lines: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _format_cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    # The text of a span is untrusted.
    return escape_formula(value) if isinstance(value, str) else value


def _format_json_value(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, dt.datetime) else value
