"""Sources of invocation logs, and the cursor of each.

A cursor may be older than the imported entries, never newer: it is saved after the entries that it covers, and an entry
that is read twice is imported once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from db.tables.telemetry import invocation_log_source as table
from db.transaction import insert, writing
from genaiops_core.aws.s3 import ObjectKey
from genaiops_core.errors import BadInput

CLAIM = dt.timedelta(minutes=5)
"""How long a worker reads a source exclusively after its last `save_cursor`."""

LATE_HOURS = 3
"""Hours before the newest object in which new objects may still appear: Bedrock does not write them in order."""

MAX_REMEMBERED_KEYS = 10_000
"""Keys remembered per group where keys have no hour; beyond that, only keys after the floor count as unread."""

_HOUR = re.compile(r"^(?P<group>.*?)(?P<hour>\d{4}/\d{2}/\d{2}/\d{2})/[^/]*$")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A bucket and prefix, or a log group."""

    kind: Literal["s3", "logs"]
    name: str
    """Bucket or log group."""
    prefix: str = ""

    @property
    def url(self) -> str:
        """The source as the settings have it."""
        return f"s3://{self.name}/{self.prefix}" if self.kind == "s3" else f"logs://{self.name}"


def parse_source(text: str) -> Source:
    """`s3://BUCKET/PREFIX` or `logs://GROUP`.

    Raises:
        BadInput: it is neither.
    """
    kind, separator, rest = text.strip().partition("://")
    if kind == "s3" and separator:
        bucket, _, prefix = rest.partition("/")
        if bucket:
            return Source(kind="s3", name=bucket, prefix=prefix)
    elif kind == "logs" and separator and rest:
        return Source(kind="logs", name=rest)
    raise BadInput(
        f"'{text}' is not a source of invocation logs; write s3://BUCKET/PREFIX or logs://LOG-GROUP."
    )


def is_source(text: str) -> bool:
    """Whether `text` is a source and not a file."""
    return text.startswith(("s3://", "logs://"))


def claim(engine: sa.Engine, source: Source, now: dt.datetime) -> dict[str, Any] | None:
    """Claim `source` until `CLAIM` after the last `save_cursor`; return its cursor, None when another worker has it."""
    with writing(engine) as connection:
        connection.execute(
            insert(connection, table)
            .values(source=source.url, cursor={}, entries=0, rejected=0)
            .on_conflict_do_nothing()
        )
        # The claim is in the condition of the UPDATE, so that of two workers only one gets a row back.
        free = sa.or_(table.c.claimed_until.is_(None), table.c.claimed_until < now)
        claimed = connection.execute(
            sa.update(table)
            .where(table.c.source == source.url, free)
            .values(claimed_until=now + CLAIM)
            .returning(table.c.cursor)
        ).one_or_none()
    return None if claimed is None else dict(claimed.cursor)


def save_cursor(
    engine: sa.Engine,
    source: Source,
    cursor: Mapping[str, Any],
    now: dt.datetime,
    *,
    entries: int = 0,
    rejected: int = 0,
) -> None:
    """Save the cursor of `source` and extend the claim."""
    with writing(engine) as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.source == source.url)
            .values(
                cursor=dict(cursor),
                entries=table.c.entries + entries,
                rejected=table.c.rejected + rejected,
                pulled_at=now,
                claimed_until=now + CLAIM,
            )
        )


def release_claim(engine: sa.Engine, source: Source) -> None:
    """End the claim, so that other workers may read `source`."""
    with writing(engine) as connection:
        connection.execute(sa.update(table).where(table.c.source == source.url).values(claimed_until=None))


@dataclass(kw_only=True)
class ObjectCursor:
    """The objects of a bucket that are read, by folder of hours: every region has its own folder.

    In each folder every key up to and including the floor is read, and after it the keys in `done`.
    """

    floors: dict[str, str] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ObjectCursor:
        groups = value.get("groups", {})
        return cls(
            floors={group: state["floor"] for group, state in groups.items()},
            done={group: set(state["done"]) for group, state in groups.items()},
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "groups": {
                group: {"floor": self.floors.get(group, ""), "done": sorted(self.done.get(group, ()))}
                for group in sorted({*self.floors, *self.done})
            }
        }

    def list_unread(self, list_after: Callable[[str], Iterable[ObjectKey]]) -> Iterator[ObjectKey]:
        """List the unread objects in order of key.

        Args:
            list_after: lists the objects after a key; called again to skip keys that are read.
        """
        after: str | None = ""
        while after is not None:
            start, after = after, None
            for candidate in list_after(start):
                group, _ = split_key(candidate.key)
                floor = self.floors.get(group, "")
                if candidate.key <= floor:
                    # The floor is at least one key after `start`, so the loop ends.
                    after = floor
                    break
                if candidate.key not in self.done.get(group, ()):
                    yield candidate

    def mark_read(self, key: str) -> None:
        """Record `key` as read; raise the floor of its group where no more objects are expected."""
        group, hour = split_key(key)
        done = self.done.setdefault(group, set())
        done.add(key)
        if hour is None:
            settled = sorted(done)[:-MAX_REMEMBERED_KEYS] if len(done) > MAX_REMEMBERED_KEYS else []
        else:
            newest = max(filter(None, (split_key(done_key)[1] for done_key in done)))
            settled = [
                done_key
                for done_key in done
                if _count_hours(newest) - _count_hours(split_key(done_key)[1] or newest) > LATE_HOURS
            ]
        if settled:
            self.floors[group] = max(self.floors.get(group, ""), *settled)
            self.done[group] = {done_key for done_key in done if done_key > self.floors[group]}


def split_key(key: str) -> tuple[str, str | None]:
    """Split a key into its folder of hours and its hour `YYYY/MM/DD/HH`; (folder, None) for a key without an hour."""
    match = _HOUR.match(key)
    if match:
        return match["group"], match["hour"]
    return key.rpartition("/")[0], None


def _count_hours(hour: str) -> int:
    year, month, day, hours = map(int, hour.split("/"))
    try:
        return dt.date(year, month, day).toordinal() * 24 + hours
    except ValueError:
        return 0
