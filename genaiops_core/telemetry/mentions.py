"""Where an id stands in some text: searched in every text column but those of traffic, which is found by its keys."""

from __future__ import annotations

import re
from collections import Counter

import sqlalchemy as sa

from db.tables import metadata

_BY_KEY = frozenset(("span", "request", "payload", "log_record", "invocation_log"))
"""Tables of traffic, by the million: what belongs to a user there is found by user, session and trace."""


def find(connection: sa.Connection, wanted: str) -> dict[str, int]:
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
            count = sum(names(value, wanted) for value in rows)
            if count:
                found[f"{table.name}.{column.name}"] = count
    return dict(found)


def names(text: str, wanted: str) -> bool:
    """Whether `wanted` stands in `text` and is not part of a longer id."""
    return re.search(rf"(?<![\w.@-]){re.escape(wanted)}(?![\w@-])", text) is not None
