"""A day of traffic, retried and shuffled, comes out to the token, the cent and the per cent."""

from __future__ import annotations

import itertools
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance import replay
from tests.acceptance.conftest import Console
from tests.waiting import LIMIT_S, wait_for

DAY = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}


@pytest.fixture(scope="package")
def day_replay(console: Console, tmp_path_factory: pytest.TempPathFactory) -> replay.Replay:
    day = replay.load()
    prices: Path = tmp_path_factory.mktemp("prices") / "prices.json"
    prices.write_text(json.dumps(day.prices))
    imported = console.command("import", "prices", str(prices), "--json")
    assert imported.returncode == 0, imported.stderr
    # The running API reads new prices within a few seconds.
    posts = [body for body in day.bodies for _ in range(3)]
    random.Random(3).shuffle(posts)
    with httpx.Client(base_url=console.api_url, timeout=LIMIT_S) as client:
        wait_for_prices(client, next(iter(day.prices)))
        for body in posts:
            answer = client.post("/v1/traces", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 200, answer.text
    return day


def probe(number: int, model: str) -> dict[str, Any]:
    """An export of one call, in a year of its own."""
    start = 1_000_000_000 * (1_600_000_000 + number)
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "probe",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 1),
        "attributes": [
            {"key": "gen_ai.request.model", "value": {"stringValue": model}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "1"}},
        ],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "probe"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def wait_for_prices(client: httpx.Client, model: str) -> None:
    """Until the running API prices a probe by the override."""
    numbers = itertools.count(10_000)

    def is_priced() -> bool:
        number = next(numbers)
        client.post("/v1/traces", json=probe(number, model)).raise_for_status()
        return Decimal(client.get(f"/api/v1/traces/{number:032x}").json()["cost_usd"] or 0) > 0

    wait_for(is_priced, interval_s=0.5)


def read(console: Console, route: str, **query: str) -> Any:
    return httpx.get(f"{console.api_url}/api/v1/{route}", params=query, timeout=LIMIT_S).json()


def test_breakdown_by_model_and_day_is_exact(console: Console, day_replay: replay.Replay) -> None:
    rows = read(console, "breakdown", by="model,day", **DAY)["rows"]
    assert {row["model"] for row in rows} == set(day_replay.truth) - {"ALL"}
    for row in rows:
        truth = day_replay.truth[row["model"]]
        assert row["day"] == replay.DAY
        for figure in ("calls", "errors", "input_tokens", "output_tokens"):
            assert row[figure] == truth[figure], (row["model"], figure)
        assert Decimal(row["cost_usd"]) == Decimal(truth["cost_usd"])
        assert row["unpriced_calls"] == 0
        for rank in ("p50", "p95", "p99"):
            assert row["call_latency_ms"][rank] == pytest.approx(1000 * truth[f"{rank}_latency_s"], rel=0.01)


def test_summary_is_the_total(console: Console, day_replay: replay.Replay) -> None:
    summary = read(console, "summary", **DAY)
    truth = day_replay.truth["ALL"]
    assert Decimal(summary["cost_usd"]) == Decimal(truth["cost_usd"])
    assert summary["calls"] == summary["requests"] == truth["calls"]
    assert summary["errors"] == truth["errors"]
    assert summary["latency_ms"]["p95"] == pytest.approx(1000 * truth["p95_latency_s"], rel=0.01)


def test_a_trace_is_visible_when_its_post_returns(console: Console) -> None:
    with httpx.Client(base_url=console.api_url, timeout=LIMIT_S) as client:
        for number in range(1_000, 1_020):
            client.post("/v1/traces", json=probe(number, "any")).raise_for_status()
            assert client.get(f"/api/v1/traces/{number:032x}").json()["spans"][0]["name"] == "probe"


def test_the_cost_screen_shows_the_same_total(
    console: Console, day_replay: replay.Replay, page: Page
) -> None:
    page.goto(f"{console.url}/cost?start=2026-01-05&end=2026-01-06")
    total = Decimal(day_replay.truth["ALL"]["cost_usd"])
    expect(page.get_by_text(f"${total:.2f}").first).to_be_visible()
