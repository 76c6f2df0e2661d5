"""Imports invocation log entries: each call once, whether its entry or its OTLP span arrives first.

An entry without an OTLP span becomes a request of its own, with one model call. Where a span with the same request id
is stored, the entry becomes a child of that span, and deduplication (docs/design/counted-once.md) counts one of the two.
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
"""Problems listed; all are counted."""


@dataclass(frozen=True, kw_only=True)
class ImportCounts:
    """Counts of the entries read so far; new + known + rejected = entries."""

    entries: int = 0
    new: int = 0
    """Calls without an OTLP span."""
    known: int = 0
    """Entries imported before, or with an OTLP span."""
    joined: int = 0
    """Of the known ones, those attached to their OTLP span."""
    rejected: int = 0
    problems: tuple[str, ...] = ()
    """The first problems, with file and line."""
    oldest: dt.datetime | None = field(default=None, compare=False)
    """Time of the earliest call; retention may soon delete it."""

    def add(self, other: ImportCounts) -> ImportCounts:
        """Add two counts."""
        return ImportCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in _SUMS},
            problems=(*self.problems, *other.problems)[:MAX_PROBLEMS],
            oldest=min(filter(None, (self.oldest, other.oldest)), default=None),
        )

    def as_json(self, *, problems: int = MAX_PROBLEMS) -> dict[str, Any]:
        return {**asdict(self), "problems": list(self.problems[:problems])}


_SUMS = ("entries", "new", "known", "joined", "rejected")


class Importer:
    """Imports entries, 500 per transaction; after a crash the import is simply run again."""

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

    def import_entries(self, results: Iterable[ReadResult]) -> ImportCounts:
        """Import all of `results` and return their counts.

        Raises:
            Any error of reading or of the database; entries imported before stay imported.
        """
        total, remaining = ImportCounts(), iter(results)
        while portion := list(islice(remaining, ENTRIES_PER_TRANSACTION)):
            entries = [result.entry for result in portion if result.entry is not None]
            problems = tuple(
                f"{result.location}: {result.problem}" for result in portion if result.entry is None
            )
            placed = self._ingestor.write_entries(self._engine, entries)
            if placed.expired:
                problems += (_describe_expired(placed.expired),)
            counts = ImportCounts(
                entries=len(portion),
                new=placed.new,
                known=len(entries) - placed.new - placed.expired,
                joined=placed.joined,
                rejected=len(portion) - len(entries) + placed.expired,
                problems=problems[:MAX_PROBLEMS],
                oldest=min((to_instant(entry.start_ns) for entry in entries), default=None),
            )
            total, self.counts = total.add(counts), self.counts.add(counts)
        return total


def _describe_expired(entries: int) -> str:
    return (
        f"{entries} entr{'ies are' if entries > 1 else 'y is'} older than the retention of spans: the days are deleted "
        "and their figures are final"
    )


class _LogIngestor(Ingestor):
    """Ingest that first finds which entries are new and which span owns each."""

    def write_entries(
        self, engine: sa.Engine, entries: Sequence[LogEntry]
    ) -> invocation_joining.PlacedEntries:
        """Write `entries` in one transaction, each request once."""
        # Reversed, so that of a repeated request id the first entry counts.
        distinct = list({entry.request_id: entry for entry in reversed(entries)}.values())[::-1]
        batch = prepare_spans(DecodedExport(groups=[entry.group for entry in distinct]))
        for entry, span in zip(distinct, batch.spans, strict=True):
            # A log entry is a model call even without usage.
            span.is_call = True
            span.call_id = entry.request_id
            if not entry.is_timed:
                span.duration_ns = UNKNOWN_NS
            if entry.notes:
                span.payload.setdefault("notes", []).extend(entry.notes)
        self._entries = dict(zip([span.span_id for span in batch.spans], distinct, strict=True))
        self._placed = invocation_joining.PlacedEntries([], 0, 0, 0)
        self.write(engine, [batch])
        return self._placed

    def _is_storable(self, span: SpanFacts, edge_ns: int) -> bool:
        # `place_entries` refuses expired entries, after it has recognised those imported before.
        return True

    def _join_log_entries(
        self, connection: sa.Connection, spans: list[SpanFacts], edge_ns: int
    ) -> list[SpanFacts]:
        pairs = [(self._entries[span.span_id], span) for span in spans]
        self._placed = invocation_joining.place_entries(connection, pairs, edge_ns)
        return self._placed.spans
