"""Finds texts that contain an id. Every text column is searched except those of traffic tables."""

from __future__ import annotations

import re
from collections import Counter

import orjson
import sqlalchemy as sa

from db.tables import metadata
from db.tables.telemetry import log_record, payload
from genaiops_core.telemetry.blobs import make_decompressor

_TRAFFIC_TABLES = frozenset(("span", "request", "payload", "log_record", "invocation_log"))
"""Traffic tables with millions of rows; `user_data` finds a user's rows there by user, session and trace."""


def count_mentions(connection: sa.Connection, wanted_id: str) -> dict[str, int]:
    """Count the rows that contain `wanted_id` as a whole word, by `table.column`; columns without any are absent."""
    # SQL finds candidates by substring; `contains_id` then requires a whole word.
    counts: Counter[str] = Counter()
    for table in metadata.sorted_tables:
        if table.name in _TRAFFIC_TABLES:
            continue
        for column in table.c:
            if not isinstance(column.type, sa.String | sa.JSON):
                continue
            text = sa.cast(column, sa.Text)
            rows = connection.scalars(sa.select(text).where(text.contains(wanted_id, autoescape=True)))
            count = sum(contains_id(value, wanted_id) for value in rows)
            if count:
                counts[f"{table.name}.{column.name}"] = count
    return dict(counts)


def find_traces_mentioning(connection: sa.Connection, wanted_id: str) -> list[str]:
    """Traces whose attributes, messages or log records contain `wanted_id`.

    This decompresses every payload and log record in the database, so it takes long.
    """
    decompress = make_decompressor()
    # The id with JSON escapes, without the quotation marks.
    json_id = orjson.dumps(wanted_id)[1:-1]
    traces: set[str] = set()
    for table, blob in ((payload, payload.c.spans_zstd), (log_record, log_record.c.record_zstd)):
        query = sa.select(table.c.trace_id, blob).execution_options(yield_per=500)
        with connection.execute(query) as rows:
            for trace_id, blob_bytes in rows:
                text = decompress(blob_bytes)
                if json_id in text and contains_id(text.decode(), json_id.decode()):
                    traces.add(trace_id)
    return sorted(traces)


def contains_id(text: str, wanted_id: str) -> bool:
    """Whether `text` contains `wanted_id`, and not only as a part of a longer id."""
    return re.search(rf"(?<![\w.@-]){re.escape(wanted_id)}(?![\w@-])", text) is not None
