"""One bad value costs one value: extreme numbers in telemetry, and extreme parameters of every route."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.tables.telemetry import span as span_table
from db.transaction import reading
from genaiops_core.api.app import create_app
from genaiops_core.settings import Settings
from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.conventions.names import FIELDS
from genaiops_core.telemetry.otlp.decode import decode_json
from tests.otlp_samples import body, call, span

JSON = {"content-type": "application/json"}
WINDOW = "start=2026-01-01T00:00:00Z&end=2026-01-10T00:00:00Z"
LARGE = 10**30
EXTREME: list[dict[str, Any]] = [
    {"intValue": str(LARGE)},
    {"intValue": str(-LARGE)},
    {"intValue": "9223372036854775808"},
    {"intValue": "18446744073709551616"},
    {"intValue": 1e300},
    {"intValue": "9" * 5000},
    {"doubleValue": 1e308},
    {"doubleValue": "-Infinity"},
    {"doubleValue": "NaN"},
    {"stringValue": LARGE},
    {"stringValue": str(LARGE)},
    {"stringValue": json.dumps({"input_tokens": LARGE, "cost": -LARGE})},
    {"arrayValue": {"values": [{"intValue": str(LARGE)}, {"stringValue": "kept"}]}},
    {"kvlistValue": {"values": [{"key": "n", "value": {"kvlistValue": {"values": [
        {"key": "deep", "value": {"intValue": str(LARGE)}}]}}}]}},
]  # fmt: skip


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(database_url=database_url)), raise_server_exceptions=False) as opened:
        yield opened


def build_spans(value: dict[str, Any], first: int) -> list[dict[str, Any]]:
    """A model call for each attribute that the product reads, with the value there and in an event."""
    names = sorted({name for names in FIELDS.values() for name in names} | {"my.attribute"})
    spans = []
    for number, name in enumerate(names, start=first):
        sent = call(number, trace=number)
        beside = [pair for pair in sent["attributes"] if pair["key"] != name]
        beside.append({"key": "beside", "value": {"stringValue": "stored"}})
        sent["attributes"] = [*beside, {"key": name, "value": value}]
        sent["events"] = [{"name": "e", "timeUnixNano": "5", "attributes": [{"key": "n", "value": value}]}]
        spans.append(sent)
    return spans


def test_extreme_attribute_costs_only_itself(client: TestClient) -> None:
    total = 0
    for value in EXTREME:
        spans = build_spans(value, total + 1)
        answer = client.post("/v1/traces", content=body(*spans), headers=JSON)
        assert (answer.status_code, answer.json()) == (200, {}), value
        total += len(spans)
        assert client.get(f"/api/v1/traces/{total:032x}").status_code == 200, value
        assert "stored" in client.get(f"/api/v1/traces/export?format=otlp&limit=1&{WINDOW}").text, value
    engine: sa.Engine = client.app.state.engine  # type: ignore[attr-defined]
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(span_table)).scalar_one() == total
    assert client.get(f"/api/v1/summary?{WINDOW}").status_code == 200


def test_extreme_log_record_costs_only_its_value(client: TestClient) -> None:
    records = [
        {"timeUnixNano": "5", "traceId": "ab" * 16, "body": value, "attributes": [{"key": "n", "value": value}],
         "severityNumber": LARGE}
        for value in EXTREME
    ]  # fmt: skip
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    answer = client.post("/v1/logs", content=json.dumps(sent), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})


def test_extreme_fields_of_a_span_are_stored_or_rejected(client: TestClient) -> None:
    for field in ("kind", "flags", "startTimeUnixNano", "endTimeUnixNano", "droppedAttributesCount"):
        for value in (LARGE, -LARGE, str(LARGE), 2**32, 1e300):
            sent = span(1) | {field: value}
            answer = client.post("/v1/traces", content=json.dumps({"resourceSpans": [{"scopeSpans": [
                {"spans": [sent, span(2)]}]}]}), headers=JSON)  # fmt: skip
            assert answer.status_code == 200, (field, value)
    for status in ({"code": LARGE}, {"code": 2, "message": "m"}):
        answer = client.post("/v1/traces", content=body(span(3) | {"status": status}), headers=JSON)
        assert answer.status_code == 200
    events = [{"name": "e", "timeUnixNano": LARGE}, {"name": "e", "timeUnixNano": str(2**64)}]
    assert client.post("/v1/traces", content=body(span(4) | {"events": events}), headers=JSON).json() == {}


def test_integer_beyond_64_bits_becomes_text() -> None:
    sent = span(1)
    sent["attributes"] = [
        {"key": "a", "value": {"intValue": str(2**63)}},
        {"key": "b", "value": {"intValue": str(2**63 - 1)}},
        {"key": "c", "value": {"intValue": str(-(2**63))}},
        {"key": "d", "value": {"intValue": str(-(2**63) - 1)}},
        {"key": "e", "value": {"intValue": "7" * 5000}},
    ]
    attributes = decode_json(body(sent)).groups[0].spans[0].attributes
    assert attributes == {
        "a": "9223372036854775808",
        "b": 2**63 - 1,
        "c": -(2**63),
        "d": "-9223372036854775809",
        "e": "7" * 5000,
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_any_value_is_encoded_as_json(value: Any) -> None:
    json.loads(to_json(value))


PLACES = (
    "/api/v1/summary?start={}", "/api/v1/summary?end={}", "/api/v1/breakdown?start={}&by=hour", "/api/v1/series?end={}",
    "/api/v1/breakdown?by=day&tz={}", "/api/v1/series?step={}", "/api/v1/traces?limit={}", "/api/v1/traces?cursor={}",
    "/api/v1/traces?q={}", "/api/v1/traces/export?limit={}", "/api/v1/traces/export?start={}", "/api/v1/agreement?dataset=d&version={}",
    "/api/v1/agreement?start={}", "/api/v1/sessions?limit={}", "/api/v1/sessions?cursor={}", "/api/v1/sessions/a?offset={}",
    "/api/v1/sessions/a?limit={}", "/api/v1/users?limit={}", "/api/v1/users/a?start={}", "/api/v1/users?order_by={}",
    "/api/v1/service-map?start={}", "/api/v1/quality?end={}", "/api/v1/applications?start={}", "/api/v1/evaluations?limit={}",
    "/api/v1/evaluations/{}", "/api/v1/traces/{}", "/api/v1/traces/{}/context", "/api/v1/sessions/{}", "/api/v1/users/{}",
    "/api/v1/traces/" + "1" * 32 + "?offset={}", "/api/v1/traces/" + "1" * 32 + "?limit={}", "/api/v1/rollouts?application={}",
    "/api/v1/traces?application={}", "/api/v1/traces?status={}", "/api/v1/traces?text={}",
)  # fmt: skip
PARAMETERS = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "1600-01-01T00:00:00Z",
    "2262-04-12T00:00:00Z", "2300-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+99:00",
    str(2**31), str(2**63), str(2**64), "-1", str(-(2**63) - 1), "9" * 5000, "1e400", "NaN", "%00", "a%00b", "%ed%a0%80", "%ff", "", "%F0%9F%98%80",
    "cost>" + "9" * 40, "latency%3E1e400", "../../etc/passwd", "'%3B--",
)  # fmt: skip


def test_extreme_parameters_are_refused_with_a_sentence(client: TestClient) -> None:
    for place in PLACES:
        for value in PARAMETERS:
            answer = client.get(place.format(value))
            assert answer.status_code < 500, (place, value, answer.text[:300])
            if answer.status_code in (400, 409):
                assert answer.json()["error"], (place, value)


BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/v1/evaluations", {"dataset": "d", "version": LARGE}),
    ("/api/v1/evaluations", {"dataset": "d", "sample_size": LARGE}),
    ("/api/v1/evaluations", {"dataset": "d", "repetitions": LARGE}),
    ("/api/v1/evaluations", {"dataset": "d", "concurrency": LARGE, "calls_per_minute": LARGE}),
    ("/api/v1/evaluations", {"dataset": "d", "spend_limit_usd": 1e300}),
    ("/api/v1/evaluations", {"dataset": "d", "unit_timeout_s": 1e300}),
    ("/api/v1/evaluations", {"dataset": "d\x00"}),
    ("/api/v1/evaluations/x/resume", {"spend_limit_usd": 1e300}),
    ("/api/v1/rollouts/a/set", {"percent": 1e300, "version": LARGE}),
    ("/api/v1/rollouts/a/set", {"percent": 5, "version": LARGE}),
    ("/api/v1/rollouts/a/start", {"release": "r\x00", "percent": LARGE}),
    ("/api/v1/rollouts/a/rollback", {"reason": "bad\x00reason"}),
    ("/v1/feedback", {"trace_id": "ab" * 16, "rating": 1e300}),
    ("/v1/feedback", {"trace_id": "ab" * 16, "thumb": "up", "comment": "a\x00b", "user_id": "u\x00"}),
)


def test_extreme_bodies_are_refused_with_a_sentence(client: TestClient) -> None:
    for path, document in BODIES:
        answer = client.post(path, content=json.dumps(document), headers=JSON)
        assert answer.status_code < 500, (path, document, answer.text[:300])
        assert answer.status_code < 400 or answer.json()["error"], (path, document)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), st.datetimes() | st.integers() | st.text(max_size=30))
def test_any_parameter_is_answered(sqlite_client: TestClient, place: str, value: object) -> None:
    answer = sqlite_client.get(place.format(quote(str(value).encode("utf-8", "replace"), safe="")))
    assert answer.status_code < 500, (place, value)


@pytest.fixture
def sqlite_client(sqlite_engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(
        create_app(Settings(database_url=sqlite_engine.url.render_as_string())), raise_server_exceptions=False
    ) as opened:
        yield opened
