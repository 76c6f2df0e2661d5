"""Taking invocation log entries in: each call once, whether its entry or its OTLP span comes first.

An entry whose request is known to nobody becomes a request of its own, of one model call. Where a span of the same
request id is there already, the entry becomes a span below it, in its trace, and the rule for calls told twice
(docs/design/counted-once.md) counts only one of the two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import sqlalchemy as sa

from genaiops_core.telemetry.durations import UNKNOWN_NS
from genaiops_core.telemetry.ingest import invocation_joining
from genaiops_core.telemetry.ingest.ingest import MODEL_LIMIT, Ingestor
from genaiops_core.telemetry.ingest.invocation_entries import LogEntry
from genaiops_core.telemetry.invocation_logs.reader import ReadResult
from genaiops_core.telemetry.otlp.decode import DecodedExport
from genaiops_core.telemetry.spans import SpanFacts, prepare_spans
from genaiops_core.telemetry.time_window import to_instant

ENTRIES_PER_TRANSACTION = 500
MAX_PROBLEMS = 100
"""Problems kept to be shown; all are counted."""


@dataclass(frozen=True, kw_only=True)
class ImportCounts:
    """What became of the entries read so far; new + known + rejected is entries."""

    entries: int = 0
    new: int = 0
    """Calls that nobody had told of."""
    known: int = 0
    """Taken in before, or told by OTLP too."""
    joined: int = 0
    """Of the known ones, those now shown below their OTLP span."""
    rejected: int = 0
    problems: tuple[str, ...] = ()
    """The first of them, by file and line."""
    oldest: dt.datetime | None = field(default=None, compare=False)
    """When the earliest call was; retention may soon delete it."""

    def plus(self, more: ImportCounts) -> ImportCounts:
        """Both together."""
        return ImportCounts(
            **{name: getattr(self, name) + getattr(more, name) for name in _SUMS},
            problems=(*self.problems, *more.problems)[:MAX_PROBLEMS],
            oldest=min(filter(None, (self.oldest, more.oldest)), default=None),
        )

    def as_json(self, *, problems: int = MAX_PROBLEMS) -> dict[str, Any]:
        return {**asdict(self), "problems": list(self.problems[:problems])}


_SUMS = ("entries", "new", "known", "joined", "rejected")


class Importer:
    """Takes entries in, some hundred a transaction, and counts; killed at any moment, it is simply run again."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        application: str | None = None,
        shard: int = 0,
        model_limit: int = MODEL_LIMIT,
    ) -> None:
        self._engine = engine
        self._application = application
        self._ingestor = _LogIngestor(shard=shard, model_limit=model_limit)
        self.counts = ImportCounts()

    def take(self, found: Iterable[ReadResult]) -> ImportCounts:
        """Take in all of `found`; returns what it came to.

        Raises:
            Whatever reading or the database raises; what was taken in before stays.
        """
        taken, remaining = ImportCounts(), iter(found)
        while portion := list(islice(remaining, ENTRIES_PER_TRANSACTION)):
            entries = [one.entry for one in portion if one.entry is not None]
            problems = tuple(f"{one.where}: {one.problem}" for one in portion if one.entry is None)
            placed = self._ingestor.keep(self._engine, entries)
            counted = ImportCounts(
                entries=len(portion),
                new=placed.new,
                known=len(entries) - placed.new,
                joined=placed.joined,
                rejected=len(problems),
                problems=problems[:MAX_PROBLEMS],
                oldest=min((to_instant(entry.start_ns) for entry in entries), default=None),
            )
            taken, self.counts = taken.plus(counted), self.counts.plus(counted)
        return taken


class _LogIngestor(Ingestor):
    """The usual ingest, asked first which entries are new and where they belong."""

    def keep(self, engine: sa.Engine, entries: Sequence[LogEntry]) -> invocation_joining.PlacedEntries:
        """Keep `entries` in one transaction, each request once."""
        distinct = list({entry.request_id: entry for entry in reversed(entries)}.values())[::-1]
        batch = prepare_spans(DecodedExport(groups=[entry.group for entry in distinct]))
        for entry, span in zip(distinct, batch.spans, strict=True):
            # It is a call even if nobody says what it used.
            span.is_call = True
            span.call_id = entry.request_id
            if not entry.is_timed:
                span.duration_ns = UNKNOWN_NS
            if entry.notes:
                span.payload.setdefault("notes", []).extend(entry.notes)
        self._entries = dict(zip([span.span_id for span in batch.spans], distinct, strict=True))
        self._placed = invocation_joining.PlacedEntries([], 0, 0)
        self.write(engine, [batch])
        return self._placed

    def _place(self, connection: sa.Connection, spans: list[SpanFacts]) -> list[SpanFacts]:
        pairs = [(self._entries[span.span_id], span) for span in spans]
        self._placed = invocation_joining.place_entries(connection, pairs)
        return self._placed.spans
