"""Where an id stands in some text: searched in every text column but those of traffic, which is found by its keys."""

from __future__ import annotations

import re
from collections import Counter

import orjson
import sqlalchemy as sa
import zstandard

from db.tables import metadata
from db.tables.telemetry import log_record, payload

_BY_KEY = frozenset(("span", "request", "payload", "log_record", "invocation_log"))
"""Tables of traffic, by the million: what belongs to a user there is found by user, session and trace."""

LARGEST_BLOB_BYTES = 1 << 30


def count_mentions(connection: sa.Connection, wanted: str) -> dict[str, int]:
    """Rows in which `wanted` stands as a word of its own, by `table.column`; only columns that have any."""
    found: Counter[str] = Counter()
    for table in metadata.sorted_tables:
        if table.name in _BY_KEY:
            continue
        for column in table.c:
            if not isinstance(column.type, sa.String | sa.JSON):
                continue
            text = sa.cast(column, sa.Text)
            rows = connection.scalars(sa.select(text).where(text.contains(wanted, autoescape=True)))
            count = sum(contains_id(value, wanted) for value in rows)
            if count:
                found[f"{table.name}.{column.name}"] = count
    return dict(found)


def find_traces_mentioning(connection: sa.Connection, wanted: str) -> list[str]:
    """Traces whose attributes, messages or log records mention `wanted`; reads every one of them, which takes long."""
    decompress = zstandard.ZstdDecompressor().decompress
    # As it stands in JSON, without the quotation marks.
    written = orjson.dumps(wanted)[1:-1]
    found: set[str] = set()
    for table, blob in ((payload, payload.c.spans_zstd), (log_record, log_record.c.record_zstd)):
        query = sa.select(table.c.trace_id, blob).execution_options(yield_per=500)
        with connection.execute(query) as rows:
            for trace_id, packed in rows:
                text = decompress(packed, max_output_size=LARGEST_BLOB_BYTES)
                if written in text and contains_id(text.decode(), written.decode()):
                    found.add(trace_id)
    return sorted(found)


def contains_id(text: str, wanted: str) -> bool:
    """Whether `wanted` stands in `text` and is not part of a longer id."""
    return re.search(rf"(?<![\w.@-]){re.escape(wanted)}(?![\w@-])", text) is not None
