"""Exchanges stored spans for more complete ones of the same id, with everything that was counted of them.

A repeated batch is the usual case and changes nothing: its spans are compared and left alone. For a more complete span
the row and the payload are replaced, and what the stored span added to its request and to rollups is subtracted. The
caller then adds the new one and applies the rules of deduplication and entry spans to the whole trace again.

Limits: spans of traces with more than `MAX_TRACE_SPANS` spans are never replaced, because those rules do not read them
again; in traces with more than `_MAX_COMPARED_SPANS`, and where retention has deleted the stored content, a span that
differs only in its content is not replaced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.portions import split_portions
from db.tables.telemetry import payload, request, span
from genaiops_core.telemetry.blobs import make_decompressor
from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.ingest.late_spans import StoredSpan
from genaiops_core.telemetry.ingest.payloads import LEVEL
from genaiops_core.telemetry.ingest.repeated_spans import completeness
from genaiops_core.telemetry.ingest.repeated_spans.completeness import rate_columns, rate_content
from genaiops_core.telemetry.ingest.requests import (
    CALL_SUMS,
    MAX_TRACE_SPANS,
    RequestChange,
    add_call_sums,
    choose_smallest,
    correct,
)
from genaiops_core.telemetry.spans import COLUMNS, SpanFacts

_MAX_COMPARED_SPANS = 2_000

_KEY = ("application", "trace_id", "span_id")
_BY_RULES = ("is_request", "is_internal", "is_rootless")
"""Columns that the rule of entry spans sets afterwards."""
_REPLACED = tuple(name for name in COLUMNS if name not in (*_KEY, *_BY_RULES))

_read_compared = attrgetter(*completeness.COLUMNS)

SpanKey = tuple[str, str, str]
RequestKey = tuple[str, str]
"""Trace id and application."""


@dataclass(frozen=True, kw_only=True)
class Replacements:
    """Stored spans that were exchanged."""

    spans: list[SpanFacts] = field(default_factory=list)
    """The more complete spans."""
    before: list[StoredSpan] = field(default_factory=list)
    """The stored spans as they were counted until now."""
    after: list[StoredSpan] = field(default_factory=list)
    """The spans as they are counted from now on, until the rules are applied again."""

    @property
    def requests(self) -> set[RequestKey]:
        """The requests whose spans have changed."""
        return {(facts.trace_id, facts.application) for facts in self.spans}


def find_more_complete(
    connection: sa.Connection, spans: Sequence[SpanFacts], new: Iterable[SpanFacts]
) -> list[SpanFacts]:
    """Those of `spans`, sent again, that are more complete than the stored spans of their ids.

    Args:
        connection: the writing transaction.
        spans: the received spans, each id once.
        new: of them, those that were not stored before.
    """
    fresh = {_key(facts) for facts in new}
    return _select_more_complete(connection, [facts for facts in spans if _key(facts) not in fresh])


def replace_spans(connection: sa.Connection, spans: Sequence[SpanFacts]) -> Replacements:
    """Exchange the stored spans for `spans`, and correct the sums of their requests.

    Args:
        connection: the writing transaction; the caller has locked the requests of the traces.
        spans: from `find_more_complete`. They are compared again, because another writer may have been faster.
    """
    if not spans:
        return Replacements()
    chosen = _select_more_complete(connection, spans)
    stored = _fetch_stored(connection, chosen, (*COLUMNS, "id"))
    result = Replacements()
    for facts in chosen:
        row = stored[_key(facts)]
        # Counted on its own first: deduplication compares it with the spans of the whole trace afterwards.
        facts.is_call, facts.folded_into = facts.is_call or facts.folded_into != "", ""
        for name in _BY_RULES:
            setattr(facts, name, getattr(row, name))
        result.spans.append(facts)
        result.before.append(StoredSpan.copy(row, row.id))
        result.after.append(StoredSpan.copy(facts, row.id))
    if result.spans:
        _update_rows(connection, result)
        _drop_payloads(connection, result.spans)
        _correct_requests(connection, result)
    return result


def reopen_requests(connection: sa.Connection, requests: Collection[RequestKey], received_ns: int) -> None:
    """Have the rule of entry spans look again at requests that a replacement has left without a final entry span."""
    r = request.c
    for trace_id, application in sorted(requests):
        connection.execute(
            request.update()
            .where(
                r.trace_id == trace_id,
                r.application == application,
                r.open_since_ns.is_(None),
                sa.or_(r.duration_ns.is_(None), r.has_called_entry),
            )
            .values(open_since_ns=received_ns)
        )


def _select_more_complete(connection: sa.Connection, spans: Sequence[SpanFacts]) -> list[SpanFacts]:
    if not spans:
        return []
    stored = _fetch_stored(connection, spans, (*_KEY, *completeness.COLUMNS))
    chosen: list[SpanFacts] = []
    equal: list[SpanFacts] = []
    with_equal_columns: set[SpanKey] = set()
    for facts in spans:
        row = stored.get(_key(facts))
        if row is None:
            continue
        # A copy, in nearly all cases; comparing is faster than rating.
        if _read_compared(facts) == row[len(_KEY) :]:
            with_equal_columns.add(_key(facts))
            equal.append(facts)
            continue
        received, known = rate_columns(facts), rate_columns(row)
        if received > known:
            chosen.append(facts)
        elif received == known:
            equal.append(facts)
    sizes = _fetch_sizes(connection, [*chosen, *equal])
    chosen = [facts for facts in chosen if sizes.get(_request(facts), 0) <= MAX_TRACE_SPANS]
    equal = [facts for facts in equal if sizes.get(_request(facts), 0) <= _MAX_COMPARED_SPANS]
    payloads = _fetch_payloads(connection, equal)
    # The usual case, a batch that is sent again, ends here without parsing.
    equal = [
        facts
        for facts in equal
        if _key(facts) not in with_equal_columns or not _is_copy(facts, payloads[_request(facts)])
    ]
    contents = _parse_contents(payloads, equal)
    chosen += [
        facts
        for facts in equal
        if (content := contents.get(_key(facts))) is not None
        and rate_content(facts, facts.payload) > rate_content(stored[_key(facts)], content)
    ]
    return sorted(chosen, key=_lock_order)


def _fetch_stored(
    connection: sa.Connection, spans: Sequence[SpanFacts], names: Sequence[str]
) -> dict[SpanKey, Any]:
    columns = [span.c[name] for name in names]
    wanted = {_key(facts) for facts in spans}
    stored: dict[SpanKey, Any] = {}
    for portion in split_portions(spans):
        query = sa.select(*columns).where(
            span.c.trace_id.in_({facts.trace_id for facts in portion}),
            span.c.span_id.in_({facts.span_id for facts in portion}),
            span.c.application.in_({facts.application for facts in portion}),
        )
        for row in connection.execute(query):
            if (key := (row.application, row.trace_id, row.span_id)) in wanted:
                stored[key] = row
    return stored


def _fetch_sizes(connection: sa.Connection, spans: Sequence[SpanFacts]) -> dict[RequestKey, int]:
    """The number of spans of each request of `spans`."""
    c = request.c
    sizes: dict[RequestKey, int] = {}
    for portion in split_portions(sorted({facts.trace_id for facts in spans})):
        rows = connection.execute(
            sa.select(c.trace_id, c.application, c.spans).where(c.trace_id.in_(portion))
        )
        sizes.update({(trace_id, application): count for trace_id, application, count in rows})
    return sizes


def _fetch_payloads(
    connection: sa.Connection, spans: Sequence[SpanFacts]
) -> dict[RequestKey, list[tuple[int, bytes]]]:
    """The payload rows of the requests of `spans`, oldest first: id and decompressed JSON."""
    payloads: dict[RequestKey, list[tuple[int, bytes]]] = {_request(facts): [] for facts in spans}
    decompress = make_decompressor()
    c = payload.c
    for portion in split_portions(sorted({trace_id for trace_id, _ in payloads})):
        query = sa.select(c.id, c.trace_id, c.application, c.spans_zstd).where(
            c.trace_id.in_(portion), c.application.in_({application for _, application in payloads})
        )
        for row_id, trace_id, application, blob in connection.execute(query.order_by(c.id)):
            if (rows := payloads.get((trace_id, application))) is not None:
                rows.append((row_id, decompress(blob)))
    return payloads


def _is_copy(facts: SpanFacts, payloads: Iterable[tuple[int, bytes]]) -> bool:
    """Whether a stored payload has the same bytes for the span; a copy that is written otherwise is found by its rate."""
    # Without braces: the bytes of an object with this entry alone.
    entry = to_json({facts.span_id: facts.payload})[1:-1]
    return any(entry in content for _, content in payloads)


def _parse_contents(
    payloads: Mapping[RequestKey, Sequence[tuple[int, bytes]]], spans: Sequence[SpanFacts]
) -> dict[SpanKey, Mapping[str, Any]]:
    wanted = {_key(facts) for facts in spans}
    contents: dict[SpanKey, Mapping[str, Any]] = {}
    for trace_id, application in {_request(facts) for facts in spans}:
        for _, content in payloads[trace_id, application]:
            for span_id, content_of_span in orjson.loads(content).items():
                # The first payload of an id is the one that is shown.
                if (key := (application, trace_id, span_id)) in wanted:
                    contents.setdefault(key, content_of_span)
    return contents


def _update_rows(connection: sa.Connection, replaced: Replacements) -> None:
    connection.execute(
        span.update()
        .where(span.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"new_{name}") for name in _REPLACED}),
        [
            {"of_id": row.id, **{f"new_{name}": getattr(facts, name) for name in _REPLACED}}
            for facts, row in zip(replaced.spans, replaced.before, strict=True)
        ],
    )


def _drop_payloads(connection: sa.Connection, spans: Sequence[SpanFacts]) -> None:
    """Remove the contents of the stored spans; the caller inserts those of the new ones."""
    dropped = {_key(facts) for facts in spans}
    compress = zstandard.ZstdCompressor(level=LEVEL).compress
    for (trace_id, application), rows in _fetch_payloads(connection, spans).items():
        for row_id, stored in rows:
            content = orjson.loads(stored)
            rest = {
                span_id: content_of_span
                for span_id, content_of_span in content.items()
                if (application, trace_id, span_id) not in dropped
            }
            if not rest:
                connection.execute(payload.delete().where(payload.c.id == row_id))
            elif len(rest) < len(content):
                connection.execute(
                    payload.update().where(payload.c.id == row_id).values(spans_zstd=compress(to_json(rest)))
                )


def _correct_requests(connection: sa.Connection, replaced: Replacements) -> None:
    sums: dict[RequestKey, dict[str, int]] = defaultdict(lambda: dict.fromkeys(CALL_SUMS, 0))
    errors: dict[RequestKey, int] = defaultdict(int)
    for before, after in zip(replaced.before, replaced.after, strict=True):
        key = (before.trace_id, before.application)
        errors[key] += after.is_error - before.is_error
        if before.is_call:
            add_call_sums(before, -1, sums[key])
        elif before.folded_into:
            sums[key]["folded_calls"] -= 1
        if after.is_call:
            add_call_sums(after, 1, sums[key])
    models = _fetch_models(connection, replaced.requests)
    correct(
        connection,
        [
            RequestChange(trace_id, application, sums[trace_id, application], models[trace_id, application])
            for trace_id, application in replaced.requests
        ],
    )
    for (trace_id, application), difference in sorted(errors.items()):
        if difference:
            connection.execute(
                request.update()
                .where(request.c.trace_id == trace_id, request.c.application == application)
                .values(span_errors=request.c.span_errors + difference)
            )


def _fetch_models(connection: sa.Connection, requests: Collection[RequestKey]) -> dict[RequestKey, str]:
    """The smallest model name among the counted calls of each request."""
    models: dict[RequestKey, str] = defaultdict(str)
    for portion in split_portions(sorted({trace_id for trace_id, _ in requests})):
        query = sa.select(span.c.trace_id, span.c.application, span.c.model).where(
            span.c.trace_id.in_(portion), span.c.is_call, span.c.model != ""
        )
        # In Python: databases order texts by their collation.
        for trace_id, application, model in connection.execute(query):
            models[trace_id, application] = choose_smallest(models[trace_id, application], model)
    return models


def _key(facts: SpanFacts) -> SpanKey:
    return facts.application, facts.trace_id, facts.span_id


def _request(facts: SpanFacts) -> RequestKey:
    return facts.trace_id, facts.application


def _lock_order(facts: SpanFacts) -> tuple[str, str, str]:
    return facts.trace_id, facts.span_id, facts.application
