"""Ingest: writes decoded exports as spans, payloads, requests and rollups in one transaction, each span once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import application as application_table
from db.tables.telemetry import payload
from db.transaction import insert, writing
from genaiops_core.clock import now
from genaiops_core.pricing.prices import CallPrice, PriceList
from genaiops_core.telemetry import logs
from genaiops_core.telemetry.ingest import (
    deduplication,
    identity,
    invocation_joining,
    late_spans,
    requests,
    span_store,
)
from genaiops_core.telemetry.ingest.entry_spans import late_entries
from genaiops_core.telemetry.ingest.entry_spans.rule import mark_entries
from genaiops_core.telemetry.ingest.models import ModelNames
from genaiops_core.telemetry.ingest.payloads import build_payload_rows
from genaiops_core.telemetry.ingest.repeated_spans import replacement
from genaiops_core.telemetry.otlp.decode import DecodedExport
from genaiops_core.telemetry.rollups import rollups, usage
from genaiops_core.telemetry.scores import record_scores
from genaiops_core.telemetry.spans import Batch, SpanFacts, prepare_spans

MODEL_LIMIT = 200
"""Default of `GENAIOPS_ROLLUP_MODEL_LIMIT`: distinct models per application in rollups."""

SHARDS = 64
"""Writers number themselves from 0 to 63; two with the same number wait for each other."""

_WITHOUT_OUTPUT = frozenset(("embedding", "reranking"))


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """Result of one export, or of several together."""

    spans: int  # well-formed spans received
    new: int  # of them, those not stored before
    rejected: int  # malformed ones, and those that expired before
    problem: str  # the first rejected span, by index and name, with the reason


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """Result of one transaction."""

    new: int
    """Spans that were not stored before."""
    expired: tuple[int, ...]
    """For each batch, its spans of days that retention has deleted; they are not stored."""


@dataclass(kw_only=True)
class Ingestor:
    """Writes batches; keeps prices and admitted model names between transactions."""

    shard: int = 0
    model_limit: int = MODEL_LIMIT
    is_demo: bool = False
    use_stated_cost: bool = True
    """Whether the cost that a sender states counts where no price is known."""
    _prices: PriceList | None = None
    _models: ModelNames = field(init=False)

    def __post_init__(self) -> None:
        self._models = ModelNames(self.model_limit)

    def write(self, engine: sa.Engine, batches: Sequence[Batch]) -> WriteResult:
        """Write every span, log record and score of `batches` in one transaction.

        When this returns, they are committed; when it raises, nothing of them is stored. Spans and scores of days that
        retention has deleted are left out: the figures still include them, and would count them twice.
        """
        try:
            with writing(engine) as connection:
                # Demo traffic is deleted together with its figures, and may be written again.
                edge_ns = 0 if self.is_demo else usage.fetch_frozen_before(connection) * usage.DAY_NS
                new = self._write_spans(connection, batches, edge_ns)
                self._write_logs_and_scores(connection, batches, edge_ns)
            expired = (sum(span.start_ns < edge_ns for span in batch.spans) for batch in batches)
            return WriteResult(new=new, expired=tuple(expired))
        # Also for KeyboardInterrupt: a name whose admission was rolled back must not stay in the cache.
        except BaseException:
            self._models.forget()
            raise

    def _write_spans(self, connection: sa.Connection, batches: Sequence[Batch], edge_ns: int) -> int:
        received = span_store.sort_distinct(
            [span for batch in batches for span in batch.spans if self._is_storable(span, edge_ns)]
        )
        if not received:
            return 0
        # First of all locks in every writer, so that two writers of a shard cannot deadlock over rows.
        rollups.lock_shard(connection, self.shard)
        spans = self._join_log_entries(connection, received, edge_ns)
        # Adopted log entries are appended; the insert needs the order of locks again.
        if len(spans) > len(received):
            spans = span_store.sort_distinct(spans)
        # Before deduplication, which prefers a span with a price.
        self._price_spans(connection, spans)
        self._flag_other_models(connection, spans)
        deduplication.mark_duplicates(spans)
        mark_entries(spans)
        new = span_store.insert_spans(connection, spans)
        repeated: list[SpanFacts] = []
        if len(new) < len(spans):
            repeated = replacement.find_more_complete(connection, spans, new)
        if not new and not repeated:
            return 0
        received_ns = time.time_ns()
        self._register_applications(connection, {span.application for span in new}, batches)
        late_entries.lock_traces(connection, {span.trace_id for span in (*new, *repeated)})
        replaced = replacement.replace_spans(connection, repeated)
        if payload_rows := build_payload_rows([*new, *replaced.spans]):
            connection.execute(sa.insert(payload), payload_rows)
        rows = requests.build_request_rows(new, received_ns)
        # Before the upsert, which may move a request to the day of its root span.
        days = usage.find_touched_days(connection, rows)
        if replaced.spans:
            days |= usage.find_touched_days(connection, [_name_request(span) for span in replaced.spans])
        requests.upsert(connection, rows)
        usage.mark_days(connection, days, self.shard)
        states = requests.fetch_states(connection, new, replaced.requests)
        identity.recheck_identities(
            connection,
            [
                (state.trace_id, state.application)
                for state in states
                if state.is_extended and state.has_identity
            ],
        )
        changes = late_spans.recheck_duplicates(connection, states)
        requests.correct(connection, changes.requests)
        entry_changes = late_entries.recheck_entries(connection, new, states)
        usage.mark_days(connection, entry_changes.days, self.shard)
        if replaced.spans:
            replacement.reopen_requests(connection, replaced.requests, received_ns)
        cells = rollups.build_cells(new)
        for moved in (replaced, changes, entry_changes):
            rollups.subtract_spans(cells, moved.before)
            rollups.add_spans(cells, moved.after)
        rollups.write_cells(connection, cells, self.shard)
        # Adopted log entries were stored before, so they are not new to the sender.
        return len(new) - max(0, len(spans) - len(received))

    def _write_logs_and_scores(
        self, connection: sa.Connection, batches: Sequence[Batch], edge_ns: int
    ) -> None:
        """Write log records and reported scores; last, because other writers may wait for the score cells."""
        records = [record for batch in batches for record in batch.logs]
        scores = [score for batch in batches for score in batch.scores]
        scores += [score for record in records for score in record.scores]
        if records:
            self._register_applications(connection, {record.application for record in records}, batches)
            logs.insert_log_records(connection, records)
        scores = [score for score in scores if score.start_ns >= edge_ns]
        if scores:
            record_scores(connection, scores)

    def _is_storable(self, span: SpanFacts, edge_ns: int) -> bool:
        return span.start_ns >= edge_ns

    def _join_log_entries(
        self, connection: sa.Connection, spans: list[SpanFacts], edge_ns: int
    ) -> list[SpanFacts]:
        """Return the spans to write: `spans`, and the log entries of their calls that stood alone until now."""
        return invocation_joining.adopt_entries(connection, spans, self.shard)

    def _flag_other_models(self, connection: sa.Connection, spans: list[SpanFacts]) -> None:
        """Set `is_other_model` on each call; duplicates too, since a later span may make them count."""
        calls = [span for span in spans if span.is_call]
        names = self._models.resolve(connection, {(span.application, span.model) for span in calls})
        for span in calls:
            span.is_other_model = names[span.application, span.model] != span.model

    def _price_spans(self, connection: sa.Connection, spans: list[SpanFacts]) -> None:
        """Set the cost of each call; where it is unknown or stated by the sender, a note of the span says why."""
        prices = PriceList.load(connection) if self._prices is None else self._prices.refresh(connection)
        self._prices = prices
        for span in spans:
            if not span.is_call:
                continue
            price = _price_span(prices, span)
            span.cost_nano_usd = price.cost_nano_usd
            if price.cost_nano_usd is not None:
                continue
            stated = span.stated_cost_nano_usd if self.use_stated_cost else None
            if stated is not None:
                span.cost_nano_usd = stated
                note = f"its cost is the one that the sender states, because {price.problem}"
            elif span.is_unpriced:
                note = f"it has no price: {price.problem}"
            else:
                continue
            notes = span.payload.get("notes", ())
            # A log entry that moves to its span is priced again.
            if note not in notes:
                span.payload["notes"] = [*notes, note]

    def _register_applications(
        self, connection: sa.Connection, names: set[str], batches: Sequence[Batch]
    ) -> None:
        """Insert new applications; read each time, because `demo remove` may have deleted some since."""
        column = application_table.c.application
        known = set(connection.scalars(sa.select(column).where(column.in_(names))))
        if names <= known:
            return
        demo = {name for batch in batches for name in batch.demo}
        connection.execute(
            insert(connection, application_table).on_conflict_do_nothing(),
            [
                {"application": name, "is_demo": self.is_demo or name in demo, "first_seen_at": now()}
                for name in sorted(names - known)
            ],
        )


def _name_request(span: SpanFacts) -> dict[str, Any]:
    return {"application": span.application, "trace_id": span.trace_id, "start_ns": span.start_ns}


def _price_span(prices: PriceList, span: SpanFacts) -> CallPrice:
    """Price a call by the model that was asked for, else by the model that answered."""
    output_tokens = span.output_tokens
    if output_tokens is None and span.component in _WITHOUT_OUTPUT:
        output_tokens = 0
    first_price: CallPrice | None = None
    for model in dict.fromkeys((span.model, span.response_model)):
        price = prices.price_call(
            span.provider,
            model,
            span.start_ns,
            span.input_tokens,
            output_tokens,
            span.cache_read_tokens,
            span.cache_write_tokens,
            span.terms,
        )
        if price.cost_nano_usd is not None:
            return price
        first_price = first_price or price
    assert first_price is not None
    return first_price


def describe_expired(spans: int) -> str:
    """Describe why spans were refused for their age; empty without any."""
    if not spans:
        return ""
    return (
        f"{spans} span{'s are' if spans > 1 else ' is'} older than the retention of spans: the days are deleted "
        "and their figures are final"
    )


def ingest(
    engine: sa.Engine,
    *exports: DecodedExport,
    shard: int = 0,
    model_limit: int = MODEL_LIMIT,
    is_demo: bool = False,
    use_stated_cost: bool = True,
) -> IngestResult:
    """Write exports in one transaction; an export that is sent again changes nothing.

    Args:
        engine: the database.
        *exports: see `telemetry.otlp`.
        shard: number of this writer, 0 to `SHARDS` - 1.
        model_limit: distinct models that rollups keep apart per application.
        is_demo: whether new applications belong to the demo.
        use_stated_cost: whether the cost that a sender states counts where no price is known.
    """
    batches = [prepare_spans(export) for export in exports]
    ingestor = Ingestor(
        shard=shard, model_limit=model_limit, is_demo=is_demo, use_stated_cost=use_stated_cost
    )
    result = ingestor.write(engine, batches)
    expired = sum(result.expired)
    problems = [*(batch.problem for batch in batches), describe_expired(expired)]
    return IngestResult(
        spans=sum(len(batch.spans) for batch in batches),
        new=result.new,
        rejected=sum(batch.rejected for batch in batches) + expired,
        problem=next(filter(None, problems), ""),
    )
