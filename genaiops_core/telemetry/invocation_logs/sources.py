"""Where invocation logs are pulled from, and how far each of them is read.

A cursor may always be older than what was taken in, never newer: it is saved with the entries it covers or after them,
and an entry read twice is known.
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
"""How long a worker has a source to itself after it last said so."""

LATE_HOURS = 3
"""Objects of so many hours before the newest are looked for again: Bedrock does not write them in order."""

MAX_REMEMBERED_KEYS = 10_000
"""Keys remembered one by one where nothing in them says the hour; beyond that, order of names decides."""

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
        """As it is written in the settings."""
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
    raise BadInput(f"'{text}' names no invocation logs; write s3://BUCKET/PREFIX or logs://LOG-GROUP.")


def is_source(text: str) -> bool:
    """Whether `text` is meant as a source and not as a file."""
    return text.startswith(("s3://", "logs://"))


def claim(engine: sa.Engine, source: Source, now: dt.datetime) -> dict[str, Any] | None:
    """The cursor of `source`, now read by us alone until `CLAIM` after the last `save`; None when another reads it."""
    with writing(engine) as connection:
        connection.execute(
            insert(connection, table)
            .values(source=source.url, cursor={}, entries=0, rejected=0)
            .on_conflict_do_nothing()
        )
        free = sa.or_(table.c.claimed_until.is_(None), table.c.claimed_until < now)
        taken = connection.execute(
            sa.update(table)
            .where(table.c.source == source.url, free)
            .values(claimed_until=now + CLAIM)
            .returning(table.c.cursor)
        ).one_or_none()
    return None if taken is None else dict(taken.cursor)


def save_cursor(
    engine: sa.Engine,
    source: Source,
    cursor: Mapping[str, Any],
    now: dt.datetime,
    *,
    entries: int = 0,
    rejected: int = 0,
) -> None:
    """Keep how far `source` is read, and stay its only reader for a while."""
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
    """Let others read `source`."""
    with writing(engine) as connection:
        connection.execute(sa.update(table).where(table.c.source == source.url).values(claimed_until=None))


@dataclass(kw_only=True)
class ObjectCursor:
    """How far the objects of a bucket are read, for each folder of hours apart: every region has its own.

    Of each, everything up to and including `floor` is read, and of what comes after it the keys in `done`.
    """

    floors: dict[str, str] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ObjectCursor:
        groups = kept.get("groups", {})
        return cls(
            floors={group: told["floor"] for group, told in groups.items()},
            done={group: set(told["done"]) for group, told in groups.items()},
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "groups": {
                group: {"floor": self.floors.get(group, ""), "done": sorted(self.done.get(group, ()))}
                for group in sorted({*self.floors, *self.done})
            }
        }

    def unread(self, list_after: Callable[[str], Iterable[ObjectKey]]) -> Iterator[ObjectKey]:
        """Objects not read yet, in order of key.

        Args:
            list_after: lists the objects after a key; called again to step over what is read.
        """
        after: str | None = ""
        while after is not None:
            start, after = after, None
            for one in list_after(start):
                group, _ = split_key(one.key)
                floor = self.floors.get(group, "")
                if one.key <= floor:
                    # At least one key further than the last time, so this ends.
                    after = floor
                    break
                if one.key not in self.done.get(group, ()):
                    yield one

    def add(self, key: str) -> None:
        """`key` is read; raise the floor of its group where nothing more is expected below."""
        group, hour = split_key(key)
        done = self.done.setdefault(group, set())
        done.add(key)
        if hour is None:
            settled = sorted(done)[:-MAX_REMEMBERED_KEYS] if len(done) > MAX_REMEMBERED_KEYS else []
        else:
            newest = max(filter(None, (split_key(one)[1] for one in done)))
            settled = [
                one for one in done if _count_hours(newest) - _count_hours(split_key(one)[1] or newest) > LATE_HOURS
            ]
        if settled:
            self.floors[group] = max(self.floors.get(group, ""), *settled)
            self.done[group] = {one for one in done if one > self.floors[group]}


def split_key(key: str) -> tuple[str, str | None]:
    """The folder of hours a key is in, and its hour `YYYY/MM/DD/HH`; the folder alone where it says no hour."""
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
