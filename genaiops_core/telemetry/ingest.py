"""Ingest: decoded exports become spans, payloads, requests and rollups in one transaction, each span once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.tables.telemetry import application as application_table
from db.tables.telemetry import payload
from db.transaction import insert, writing
from genaiops_core.clock import now
from genaiops_core.pricing.prices import PriceList
from genaiops_core.telemetry import requests, rollups, storing
from genaiops_core.telemetry.models import ModelNames
from genaiops_core.telemetry.otlp import DecodedExport
from genaiops_core.telemetry.payloads import payload_rows
from genaiops_core.telemetry.spans import Batch, SpanFacts, prepare

MODEL_LIMIT = 200
"""Models kept apart per application unless `GENAIOPS_ROLLUP_MODEL_LIMIT` says otherwise."""

SHARDS = 64
"""Writers number themselves from 0 to 63; two with the same number wait for each other."""

_WITHOUT_OUTPUT = frozenset(("embedding", "reranking"))


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """What became of one export, or of several together."""

    spans: int  # well-formed spans received
    new: int  # of them, those not kept before
    rejected: int
    problem: str  # the first rejected span, by index and name, and what was wrong


@dataclass(kw_only=True)
class Ingestor:
    """What one writer remembers from transaction to transaction: prices, admitted models, known applications."""

    shard: int = 0
    model_limit: int = MODEL_LIMIT
    is_demo: bool = False
    _prices: PriceList | None = None
    _applications: set[str] = field(default_factory=set)
    _models: ModelNames = field(init=False)

    def __post_init__(self) -> None:
        self._models = ModelNames(self.model_limit)

    def write(self, engine: sa.Engine, batches: Sequence[Batch]) -> int:
        """Keep every span of `batches` in one transaction; returns how many were new.

        When this returns they are committed; when it raises, nothing of them is kept.
        """
        try:
            with writing(engine) as connection:
                return self._write(connection, [span for batch in batches for span in batch.spans])
        except BaseException:
            self._models.forget()
            self._applications.clear()
            raise

    def _write(self, connection: sa.Connection, spans: list[SpanFacts]) -> int:
        if not spans:
            return 0
        rollups.lock_shard(connection, self.shard)
        self._price(connection, spans)
        new = storing.insert_new(connection, spans)
        if not new:
            return 0
        self._register(connection, new)
        connection.execute(sa.insert(payload), payload_rows(new))
        requests.upsert(connection, requests.request_rows(new))
        names = self._models.names(connection, {(s.application, s.model) for s in new if s.is_call})
        rollups.add(connection, rollups.cells_of(new, names), self.shard)
        return len(new)

    def _price(self, connection: sa.Connection, spans: list[SpanFacts]) -> None:
        prices = PriceList.load(connection) if self._prices is None else self._prices.refreshed(connection)
        self._prices = prices
        for span in spans:
            if not span.is_call:
                continue
            output_tokens = span.output_tokens
            if output_tokens is None and span.component in _WITHOUT_OUTPUT:
                output_tokens = 0
            for model in dict.fromkeys((span.model, span.response_model)):
                span.cost_nano_usd = prices.cost_nano_usd(
                    span.provider,
                    model,
                    span.start_ns,
                    span.input_tokens,
                    output_tokens,
                    span.cache_read_tokens,
                    span.cache_write_tokens,
                )
                if span.cost_nano_usd is not None:
                    break

    def _register(self, connection: sa.Connection, spans: list[SpanFacts]) -> None:
        unknown = {span.application for span in spans} - self._applications
        if not unknown:
            return
        connection.execute(
            insert(connection, application_table).on_conflict_do_nothing(),
            [
                {"application": name, "is_demo": self.is_demo, "first_seen_at": now()}
                for name in sorted(unknown)
            ],
        )
        self._applications |= unknown


def ingest(
    engine: sa.Engine,
    request: DecodedExport,
    *,
    shard: int = 0,
    model_limit: int = MODEL_LIMIT,
    is_demo: bool = False,
) -> IngestResult:
    """Keep one export; sending it again changes nothing.

    Args:
        engine: the database.
        request: see `telemetry.otlp`.
        shard: number of this writer, 0 to `SHARDS` - 1.
        model_limit: distinct models kept apart per application in rollups.
        is_demo: whether applications seen for the first time belong to the demo.
    """
    return ingest_all(engine, [request], shard=shard, model_limit=model_limit, is_demo=is_demo)


def ingest_all(
    engine: sa.Engine,
    exports: Sequence[DecodedExport],
    *,
    shard: int = 0,
    model_limit: int = MODEL_LIMIT,
    is_demo: bool = False,
) -> IngestResult:
    """Keep several exports in one transaction; see `ingest`."""
    batches = [prepare(export) for export in exports]
    new = Ingestor(shard=shard, model_limit=model_limit, is_demo=is_demo).write(engine, batches)
    return IngestResult(
        spans=sum(len(batch.spans) for batch in batches),
        new=new,
        rejected=sum(batch.rejected for batch in batches),
        problem=next((batch.problem for batch in batches if batch.problem), ""),
    )
