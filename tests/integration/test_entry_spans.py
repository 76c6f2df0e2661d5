"""Requests of services that others call, and of traces without root, in figures, requests and sampling."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request, rollup_minute
from db.tables.telemetry import span as span_table
from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.rollbacks.policy import default
from genaiops_core.rollbacks.watch import watch
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.ingest.entry_spans.late_entries import GRACE, settle_requests
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.sampling.policy import Policy
from genaiops_core.telemetry.sampling.selection import consider
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traffic.queries import read_breakdown, read_summary
from tests.integration.operating import APP, canary
from tests.otlp_samples import SECOND_NS, T0_NS, call, export, span

REMOTE = 0x300
SERVER = 2
CONSUMER = 5

Sent = tuple[str, dict[str, Any]]
"""Application and span."""


def send(engine: sa.Engine, *spans: Sent, shard: int = 0) -> None:
    exports = [
        decode_json(json.dumps(export(sent, application=application)).encode()) for application, sent in spans
    ]
    ingest(engine, *exports, shard=shard)


def read(engine: sa.Engine, application: str | None = None) -> Figures:
    start = to_instant(T0_NS)
    with reading(engine) as connection:
        filters = Filters(
            start=start - dt.timedelta(hours=1), end=start + dt.timedelta(hours=1), application=application
        )
        return read_summary(connection, filters)


def settle(engine: sa.Engine) -> int:
    return settle_requests(engine, now() + GRACE + dt.timedelta(seconds=1), shard=3)


def dump(engine: sa.Engine) -> tuple[Any, ...]:
    """The whole state of the counts, whatever the order of arrival and the writer."""
    with reading(engine) as connection:
        cells: dict[Any, Any] = {}
        names = [c.name for c in rollup_minute.c if c.name not in ("shard", "bucket")]
        for row in connection.execute(sa.select(rollup_minute)).mappings():
            key = (row["application"], row["bucket"], row["environment"], row["release"], row["model"])
            sums = cells.setdefault(key, dict.fromkeys([n for n in names[4:] if "latency" not in n], 0))
            for name in sums:
                sums[name] += row[name]
        requests = connection.execute(
            sa.select(
                *[c for c in request.c if c.name not in ("id", "open_since_ns")],
            ).order_by(request.c.application)
        ).all()
        spans = connection.execute(
            sa.select(
                span_table.c.application,
                span_table.c.span_id,
                span_table.c.is_request,
                span_table.c.is_internal,
                span_table.c.is_rootless,
            ).order_by(span_table.c.application, span_table.c.span_id)
        ).all()
    return (
        {key: sums for key, sums in sorted(cells.items()) if any(sums.values())},
        [tuple(row) for row in requests],
        [tuple(row) for row in spans],
    )


def test_called_service_has_requests_errors_and_latency(engine: sa.Engine) -> None:
    for number, sign in enumerate(({"flags": REMOTE}, {"kind": SERVER}, {"kind": CONSUMER}), 1):
        entry = span(2, trace=number, parent=9, error=number == 1, duration_ns=2 * SECOND_NS, **sign)
        send(engine, ("shop", entry), ("shop", call(3, trace=number, parent=2)))
    figures = read(engine, "shop")
    assert (figures.requests, figures.request_errors, figures.calls) == (3, 1, 3)
    assert figures.latency_ms["p50"] is not None and abs(figures.latency_ms["p50"] - 2000) < 20
    assert read(engine).requests == 3


def test_local_parent_is_no_entry_whatever_the_kind(engine: sa.Engine) -> None:
    send(engine, ("shop", span(1)), ("shop", span(2, parent=1, kind=SERVER, flags=0x100)))
    send(engine, ("shop", span(3, trace=2, parent=9, kind=SERVER, flags=0x100)))
    assert read(engine, "shop").requests == 1


def test_all_applications_count_a_shared_trace_once(engine: sa.Engine) -> None:
    send(
        engine,
        ("web", span(1, duration_ns=8 * SECOND_NS)),
        ("web", span(2, parent=1, kind=3)),
        ("shop", span(3, parent=2, kind=SERVER, error=True)),
        ("shop", call(4, parent=3)),
    )
    send(engine, ("shop", span(5, trace=2, parent=9, kind=SERVER, duration_ns=4 * SECOND_NS)))
    total, web, shop = read(engine), read(engine, "web"), read(engine, "shop")
    assert (total.requests, total.request_errors, total.internal_requests) == (2, 0, 1)
    assert (web.requests, web.internal_requests) == (1, 0)
    assert (shop.requests, shop.request_errors, shop.internal_requests) == (2, 1, 1)
    assert total.latency_ms["p50"] is not None and abs(total.latency_ms["p50"] - 4000) < 40
    close_hours(engine, to_instant(T0_NS) + dt.timedelta(days=3))
    assert (read(engine), read(engine, "web"), read(engine, "shop")) == (total, web, shop)
    window = Filters(start=to_instant(T0_NS), end=to_instant(T0_NS) + dt.timedelta(days=1))
    with reading(engine) as connection:
        by_day = read_breakdown(connection, window, ["day"])
        by_application = read_breakdown(connection, window, ["application"])
    assert [row.figures.requests for row in by_day] == [2]
    assert [(row.keys["application"], row.figures.requests) for row in by_application] == [
        ("shop", 2),
        ("web", 1),
    ]


SHARED = [
    ("web", span(1, duration_ns=8 * SECOND_NS, deployment__environment__name="prod")),
    ("web", span(2, parent=1, kind=3, start_ns=T0_NS + 1)),
    ("shop", span(3, parent=2, kind=SERVER, start_ns=T0_NS + 2, session__id="s", user__id="u")),
    ("shop", call(4, parent=3, start_ns=T0_NS + 3)),
    # In the same application, although its kind says otherwise.
    ("shop", span(5, parent=4, kind=SERVER, start_ns=T0_NS + 4, session__id="other")),
]


def test_every_order_and_replay_gives_the_same_counts(engine: sa.Engine) -> None:
    expected = None
    for number, order in enumerate(itertools.permutations(SHARED)):
        if number % 5:
            continue
        with engine.begin() as connection:
            for table in (request, rollup_minute, span_table):
                connection.execute(table.delete())
        for position, (application, sent) in enumerate(order):
            send(engine, (application, sent), shard=position)
            if position == number % 7:
                settle(engine)
            if position % 2:
                send(engine, *order[:position])
        settle(engine)
        state = dump(engine)
        expected = expected or state
        assert state == expected
    assert read(engine).requests == 1
    assert (read(engine, "shop").requests, read(engine, "shop").internal_requests) == (1, 1)


def test_late_root_replaces_the_outermost_span(engine: sa.Engine) -> None:
    spans = [
        ("bot", span(2, parent=1, name="agent", duration_ns=4 * SECOND_NS, session__id="s", user__id="u")),
        ("bot", call(3, parent=2)),
    ]
    send(engine, *spans)
    # The last span ended four seconds after `T0_NS`.
    early = to_instant(T0_NS + 3 * SECOND_NS) + GRACE
    assert settle_requests(engine, early) == 0
    assert (read(engine, "bot").requests, read(engine, "bot").calls) == (0, 1)
    assert settle(engine) == 1
    assert settle(engine) == 0
    figures = read(engine, "bot")
    assert (figures.requests, figures.rootless_requests, figures.calls) == (1, 1, 1)
    with reading(engine) as connection:
        row = connection.execute(sa.select(request)).mappings().one()
    assert (row["name"], row["duration_ns"], row["session_id"], row["user_id"]) == (
        "agent",
        4 * SECOND_NS,
        "s",
        "u",
    )
    # A replay changes nothing.
    send(engine, *spans)
    settle(engine)
    assert read(engine, "bot") == figures
    send(engine, ("bot", span(1, name="POST /ask", duration_ns=9 * SECOND_NS, error=True)))
    figures = read(engine, "bot")
    assert (figures.requests, figures.rootless_requests, figures.request_errors) == (1, 0, 1)
    assert figures.latency_ms["p50"] is None


def test_late_parent_of_same_application_ends_entry(engine: sa.Engine) -> None:
    send(engine, ("shop", span(2, parent=1, kind=CONSUMER)))
    assert read(engine, "shop").requests == 1
    send(engine, ("shop", span(1, duration_ns=3 * SECOND_NS)), shard=1)
    figures = read(engine, "shop")
    assert figures.requests == 1
    assert figures.latency_ms["p50"] is not None and abs(figures.latency_ms["p50"] - 3000) < 30


def test_request_without_entry_is_incomplete_again(engine: sa.Engine) -> None:
    send(engine, ("shop", span(3, parent=2, kind=SERVER)))
    send(engine, ("shop", span(2, parent=1)))
    assert read(engine, "shop").requests == 0
    settle(engine)
    assert (read(engine, "shop").requests, read(engine, "shop").rootless_requests) == (1, 1)


def test_called_service_is_sampled(engine: sa.Engine) -> None:
    send(engine, ("web", span(1)), ("shop", span(2, parent=1, kind=SERVER)), ("shop", call(3, parent=2)))
    policy = Policy(rate=1.0, latency_ms=10**9)
    consider(engine, policy, now())
    step = consider(engine, policy, now() + dt.timedelta(seconds=20))
    assert (step.requests, step.sampled) == (2, 2)


def test_lost_root_is_sampled_after_the_grace_time(engine: sa.Engine) -> None:
    send(engine, ("bot", span(2, parent=1)), ("bot", call(3, parent=2)))
    policy = Policy(rate=1.0, latency_ms=10**9)
    consider(engine, policy, now())
    assert consider(engine, policy, now() + dt.timedelta(seconds=20)).sampled == 0
    settle(engine)
    consider(engine, policy, now() + dt.timedelta(seconds=40))
    assert consider(engine, policy, now() + dt.timedelta(seconds=60)).sampled == 1


def test_failing_called_canary_is_rolled_back(engine: sa.Engine) -> None:
    canary(engine)
    start_ns = int(now().timestamp()) * SECOND_NS - 120 * SECOND_NS
    failures = {"v1": 0, "v2": 30}
    sent = [
        span(
            2,
            trace=1000 * position + number,
            parent=1,
            flags=REMOTE,
            start_ns=start_ns,
            error=number < failures[release],
            genaiops__release=release,
        )
        for position, release in enumerate(failures, 1)
        for number in range(60)
    ]
    ingest(engine, decode_json(json.dumps(export(*sent, application=APP)).encode()))
    assert [firing.release for firing in watch(engine, now(), default())] == ["v2"]
