"""Windows whose edges lie inside a minute: figures equal brute force over the rows of spans."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.tables import metadata
from db.tables.telemetry import ROLLUP_SUMS
from db.tables.telemetry import span as span_table
from db.transaction import reading, writing
from genaiops_core.api.app import create_app
from genaiops_core.clock import now
from genaiops_core.pricing.imports import import_prices, read_prices
from genaiops_core.settings import Settings
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.ingest.entry_spans.late_entries import GRACE, settle_requests
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.privacy.deletion import delete_user
from genaiops_core.telemetry.rollups.cells import fetch_effective_window, read_cells
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.rollups.minutes import join_minutes
from genaiops_core.telemetry.time_window import Filters, to_instant, to_minute
from genaiops_core.telemetry.traffic.queries import read_breakdown, read_summary
from genaiops_core.telemetry.traffic.series import read_series
from tests.otlp_samples import SECOND_NS, T0_NS, call, export, span

MILLISECOND_NS = 1_000_000
HOUR = dt.timedelta(hours=1)
MILLISECOND = dt.timedelta(milliseconds=1)
FIRST_NS = T0_NS + 3_598 * SECOND_NS
"""Two seconds before an hour begins, so that windows cut minutes of two hours."""
LENGTH_MS = 124_000
TRAFFIC_TABLES = ("span", "payload", "request", "application", "dirty_hour", "usage_mark", "rollup_model")


def at(offset_ms: int) -> dt.datetime:
    return to_instant(FIRST_NS + offset_ms * MILLISECOND_NS)


offsets = st.one_of(
    st.integers(0, LENGTH_MS), st.sampled_from([0, 1_999, 2_000, 2_001, 61_999, 62_000, 62_001])
)


@st.composite
def sent_spans(draw: st.DrawFn) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Application, environment, release and span: nested anyhow, below spans that never come, across applications."""
    spans = []
    size = draw(st.integers(1, 9))
    for number in range(1, size + 1):
        parent = draw(st.sampled_from([0, 0, *range(1, size + 1), 99]))
        attributes: dict[str, Any] = {
            "gen_ai__operation__name": draw(
                st.sampled_from(("chat", "chat", "invoke_agent", "execute_tool", "embeddings"))
            )
        }
        if draw(st.booleans()):
            attributes["gen_ai__usage__input_tokens"] = draw(st.sampled_from((10, 20)))
            attributes["gen_ai__usage__output_tokens"] = draw(st.sampled_from((1, 2)))
        if model := draw(st.sampled_from(("alpha", "beta", "unknown", ""))):
            attributes["gen_ai__request__model"] = model
        item = span(
            number,
            trace=draw(st.sampled_from((1, 1, 2, 3))),
            parent=parent or None,
            kind=draw(st.sampled_from((0, 2))),
            error=not draw(st.integers(0, 3)),
            start_ns=FIRST_NS + draw(offsets) * MILLISECOND_NS,
            duration_ns=draw(st.integers(1, 90_000)) * MILLISECOND_NS,
            **attributes,
        )
        spans.append(
            (
                draw(st.sampled_from(("shop", "desk"))),
                draw(st.sampled_from(("prod", "test"))),
                draw(st.sampled_from(("r1", "r2"))),
                item,
            )
        )
    return spans


def clear(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for name in (*TRAFFIC_TABLES, "rollup_minute", "rollup_hour", "rollup_day", "price"):
            connection.execute(metadata.tables[name].delete())


def write(engine: sa.Engine, spans: Iterable[tuple[str, str, str, dict[str, Any]]]) -> None:
    for number, (application, environment, release, item) in enumerate(spans):
        exported = export(
            item,
            application=application,
            deployment__environment__name=environment,
            service__version=release,
        )
        # With the limit, the third model of an application is counted as 'other'.
        ingest(engine, decode_json(json.dumps(exported).encode()), shard=number % 3, model_limit=2)


def list_rows(connection: sa.Connection) -> list[sa.RowMapping]:
    return list(connection.execute(sa.select(span_table)).mappings())


def model_of(row: sa.RowMapping) -> str:
    if not row["is_call"]:
        return ""
    return "other" if row["is_other_model"] else str(row["model"])


def select(rows: Iterable[sa.RowMapping], window: Filters) -> list[sa.RowMapping]:
    return [
        row
        for row in rows
        if window.start <= to_instant(row["start_ns"]) < window.end
        and window.application in (None, row["application"])
        and window.environment in (None, row["environment"])
        and window.release in (None, row["release"])
        and window.model in (None, model_of(row))
    ]


def count(rows: Sequence[sa.RowMapping], *, is_total: bool) -> dict[str, Any]:
    """The figures by brute force."""
    requests = [row for row in rows if row["is_request"]]
    internal = [row for row in requests if row["is_internal"]]
    outer = [row for row in requests if not (is_total and row["is_internal"])]
    calls = [row for row in rows if row["is_call"]]
    unpriced = [
        row
        for row in calls
        if row["cost_nano_usd"] is None
        and not (row["is_error"] and row["input_tokens"] is None and row["output_tokens"] is None)
    ]
    return {
        "requests": len(outer),
        "request_errors": sum(row["is_error"] for row in outer),
        "internal_requests": len(internal),
        "internal_request_errors": sum(row["is_error"] for row in internal),
        "rootless_requests": sum(row["is_rootless"] for row in requests),
        "calls": len(calls),
        "call_errors": sum(row["is_error"] for row in calls),
        "unpriced_calls": len(unpriced),
        **{
            name: sum(row[name] or 0 for row in calls)
            for name in (
                "cost_nano_usd",
                "input_tokens",
                "output_tokens",
                "cache_read_tokens",
                "cache_write_tokens",
            )
        },
        "latency_ms": rank_durations(outer),
        "call_latency_ms": rank_durations(calls),
    }


def rank_durations(rows: Iterable[sa.RowMapping]) -> dict[str, Any]:
    durations = sorted(row["duration_ns"] for row in rows if not row["is_error"] and row["duration_ns"] >= 0)
    ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {
        name: pytest.approx(
            durations[max(1, math.ceil(share * len(durations) - 1e-9)) - 1] / 1e6, rel=0.01, abs=0.0005
        )
        if durations
        else None
        for name, share in ranks.items()
    }


def assert_equal(figures: Figures | None, rows: Sequence[sa.RowMapping], *, is_total: bool) -> None:
    counted = [row for row in rows if row["is_request"] or row["is_call"]]
    if figures is None:
        assert not counted
        return
    expected = count(counted, is_total=is_total)
    assert {name: getattr(figures, name) for name in expected} == expected


def check_window(connection: sa.Connection, rows: Sequence[sa.RowMapping], window: Filters) -> None:
    inside = select(rows, window)
    assert fetch_effective_window(connection, window) == window
    names = {window.application, window.release} - {None}
    assert_equal(read_summary(connection, window), inside, is_total=not names)
    groups: dict[tuple[Any, ...], list[sa.RowMapping]] = defaultdict(list)
    for row in inside:
        if row["is_request"] or row["is_call"]:
            minute = row["start_ns"] // (60 * SECOND_NS)
            groups[minute, row["application"], row["release"], model_of(row)].append(row)
    cells = read_cells(connection, window, dimensions=("application", "release", "model"), step_minutes=1)
    assert set(cells) == set(groups)
    for key, figures in cells.items():
        assert_equal(figures, groups[key], is_total=False)


def check_history(
    engine: sa.Engine,
    spans: list[tuple[str, str, str, dict[str, Any]]],
    edges_ms: Sequence[int],
    dimensions: dict[str, str],
    *,
    closes: bool,
) -> None:
    clear(engine)
    prices = {"alpha": ["1", "2"], "beta": ["3", "4"]}
    import_prices(engine, actor="ann", prices=read_prices(json.dumps(prices).encode(), "p.json"), source="p")
    write(engine, spans)
    settle_requests(engine, now() + GRACE + dt.timedelta(seconds=1), shard=3)
    if closes:
        close_hours(engine, to_instant(T0_NS) + dt.timedelta(days=2))
    a, b, c = map(at, edges_ms)
    with reading(engine) as connection:
        rows = list_rows(connection)
        for start, end in ((a, b), (b, c), (a, c)):
            for chosen in ({}, dimensions):
                check_window(connection, rows, Filters(start=start, end=end, **chosen))
        # Also a window that begins and ends at spans.
        edges = sorted({to_instant(row["start_ns"]) for row in rows})
        if len(edges) > 1:
            check_window(connection, rows, Filters(start=edges[0], end=edges[-1]))
            check_window(connection, rows, Filters(start=edges[0] + MILLISECOND, end=edges[-1] + MILLISECOND))
        parts = [read_summary(connection, Filters(start=first, end=last)) for first, last in ((a, b), (b, c))]
        whole = read_summary(connection, Filters(start=a, end=c))
        for name in ROLLUP_SUMS:
            assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


edges = st.lists(offsets, min_size=3, max_size=3, unique=True).map(sorted)
dimension_filters = st.fixed_dictionaries(
    {},
    optional={
        "application": st.just("shop"),
        "environment": st.just("prod"),
        "release": st.just("r1"),
        "model": st.sampled_from(("alpha", "other", "")),
    },
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(spans=sent_spans(), edges_ms=edges, dimensions=dimension_filters, closes=st.booleans())
def test_any_window_equals_brute_force(
    engine: sa.Engine,
    spans: list[tuple[str, str, str, dict[str, Any]]],
    edges_ms: list[int],
    dimensions: dict[str, str],
    closes: bool,
) -> None:
    check_history(engine, spans, edges_ms, dimensions, closes=closes)


def write_three_calls(engine: sa.Engine, **attributes: Any) -> None:
    """Calls 10, 30 and 50 seconds after the start of a minute, of 10, 20 and 40 tokens."""
    write(
        engine,
        [
            (
                "shop",
                "prod",
                "r1",
                call(
                    1,
                    trace=number,
                    tokens=(tokens, 1),
                    start_ns=T0_NS + second * SECOND_NS,
                    duration_ns=second * SECOND_NS,
                    **attributes,
                ),
            )
            for number, second, tokens in ((1, 10, 10), (2, 30, 20), (3, 50, 40))
        ],
    )


def window(first_second: float, last_second: float) -> Filters:
    start = to_instant(T0_NS)
    return Filters(
        start=start + dt.timedelta(seconds=first_second), end=start + dt.timedelta(seconds=last_second)
    )


@pytest.mark.parametrize(
    ("first", "last", "tokens"),
    [
        (0, 60, 70),
        (10, 30, 10),
        (10.001, 30, 0),
        (9.999, 30.001, 30),
        (30, 50, 20),
        (10.001, 50.001, 60),
        (30, 3600, 60),
        (-90.5, 30, 10),
    ],
)
def test_start_is_included_and_end_excluded(
    engine: sa.Engine, first: float, last: float, tokens: int
) -> None:
    write_three_calls(engine)
    with reading(engine) as connection:
        assert read_summary(connection, window(first, last)).input_tokens == tokens


def test_latency_is_of_the_requests_inside(engine: sa.Engine) -> None:
    write_three_calls(engine)
    with reading(engine) as connection:
        figures = read_summary(connection, window(10, 30))
        assert figures.latency_ms["p99"] == pytest.approx(10_000, rel=0.01)
        assert figures.call_latency_ms["p99"] == pytest.approx(10_000, rel=0.01)
        points = read_series(connection, window(30, 90), "1m")
        assert [point.figures.requests for point in points] == [2]
        assert points[0].figures.latency_ms["p50"] == pytest.approx(30_000, rel=0.01)


def test_deleted_spans_extend_the_window_to_the_minute(engine: sa.Engine) -> None:
    write_three_calls(engine)
    with writing(engine) as connection:
        connection.execute(span_table.delete().where(span_table.c.start_ns == T0_NS + 10 * SECOND_NS))
    with reading(engine) as connection:
        for first, last in ((30, 50), (30, 3_600), (-60.5, 50)):
            requested = window(first, last)
            assert read_summary(connection, requested).input_tokens == 70
            effective = fetch_effective_window(connection, requested)
            assert effective.start == (to_instant(T0_NS) if first == 30 else requested.start)
            assert effective.end == (requested.end if last == 3_600 else to_instant(T0_NS + 60 * SECOND_NS))
        # A minute without traffic is complete.
        quiet = window(-90.5, -30.25)
        assert fetch_effective_window(connection, quiet) == quiet


def test_deleted_user_extends_the_window_to_the_minute(engine: sa.Engine) -> None:
    write_three_calls(engine, user__id="u1")
    delete_user(engine, user_id="u1", actor="ann", reason="asked for it")
    with reading(engine) as connection:
        assert fetch_effective_window(connection, window(30, 50)) == window(0, 60)
        assert read_summary(connection, window(30, 50)).requests == 3


def test_joined_minutes_extend_the_window_to_the_hour(engine: sa.Engine) -> None:
    write_three_calls(engine)
    write(
        engine, [("shop", "prod", "r1", call(1, trace=9, start_ns=T0_NS + 1_800 * SECOND_NS, tokens=(80, 1)))]
    )
    start = to_instant(T0_NS)
    requested = window(30.5, 1_830)
    with reading(engine) as connection:
        assert read_summary(connection, requested).input_tokens == 120
    join_minutes(engine, to_minute(start + HOUR), is_dry_run=True)
    with reading(engine) as connection:
        assert fetch_effective_window(connection, requested) == requested
    join_minutes(engine, to_minute(start + HOUR))
    # An earlier bound of another worker changes nothing.
    join_minutes(engine, to_minute(start))
    with reading(engine) as connection:
        assert fetch_effective_window(connection, requested) == Filters(start=start, end=start + HOUR)
        assert read_summary(connection, requested).input_tokens == 150
        assert read_summary(connection, window(600, 1_200)).input_tokens == 150
        later = window(30.5, 3_700.5)
        assert fetch_effective_window(connection, later) == Filters(start=start, end=later.end)
        # Each joined hour counts in one of the days of another zone.
        days = read_breakdown(connection, requested, ("day",), time_zone="Asia/Kolkata")
        assert sum(row.figures.input_tokens for row in days) == 150


def test_local_days_of_an_exact_window_add_up(engine: sa.Engine) -> None:
    midnight_ns = T0_NS + int(18.5 * 3_600) * SECOND_NS
    write(
        engine,
        [
            ("shop", "prod", "r1", call(1, trace=number + 9, start_ns=midnight_ns + number * SECOND_NS))
            for number in range(-5, 5)
            if number
        ],
    )
    start = to_instant(midnight_ns)
    exact = Filters(start=start - 3 * dt.timedelta(seconds=1), end=start + dt.timedelta(seconds=2))
    with reading(engine) as connection:
        rows = read_breakdown(connection, exact, ("day",), time_zone="Asia/Kolkata")
    assert {row.keys["day"]: row.figures.calls for row in rows} == {"2026-01-05": 3, "2026-01-06": 1}


def test_routes_name_the_effective_window(engine: sa.Engine, database_url: str) -> None:
    write_three_calls(engine)
    with TestClient(create_app(Settings(database_url=database_url))) as client:
        requested = {"start": "2026-01-05T00:00:30Z", "end": "2026-01-05T00:00:50.001Z"}
        for route in ("summary", "breakdown", "series", "applications"):
            answer = client.get(f"/api/v1/{route}", params=requested).json()
            assert answer["start"] == answer["effective_start"] == "2026-01-05T00:00:30Z"
            assert answer["end"] == answer["effective_end"] == "2026-01-05T00:00:50.001000Z"
        assert client.get("/api/v1/summary", params=requested).json()["input_tokens"] == 60
        quality = client.get("/api/v1/quality", params=requested).json()
        assert (quality["effective_start"], quality["effective_end"]) == (
            "2026-01-05T00:00:00Z",
            "2026-01-05T01:00:00Z",
        )
        with writing(engine) as connection:
            connection.execute(span_table.delete())
        answer = client.get("/api/v1/summary", params=requested).json()
        assert (answer["start"], answer["effective_start"]) == (
            "2026-01-05T00:00:30Z",
            "2026-01-05T00:00:00Z",
        )
        assert answer["input_tokens"] == 70
        by_user = client.get("/api/v1/breakdown", params={**requested, "by": "user"}).json()
        assert by_user["effective_start"] == "2026-01-05T00:00:30Z"
        default = client.get("/api/v1/summary").json()
        assert default["end"] == default["effective_end"]
        assert default["end"].endswith(":00Z")
