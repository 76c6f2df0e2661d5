"""A day of traffic as OTLP/JSON files with its known truth: the shared one, or one generated here."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.conftest import SHARED_DATA

DAY = "2026-01-05"
_EPOCH_NS = int(dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()) * 10**9


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Bodies to post, prices to import, and what must come out by model ('ALL' is the total)."""

    bodies: list[bytes]
    prices: dict[str, list[str]]
    truth: dict[str, dict[str, Any]]


def load() -> Replay:
    folder = SHARED_DATA / "traffic" / "day_replay"
    return _load_shared(folder) if folder.is_dir() else generate()


def _load_shared(folder: Path) -> Replay:
    truth = json.loads((folder / "truth.json").read_text())
    by_model = {row["model"]: row for row in truth["by_model_day"] if row["day"] == DAY}
    # The truth counts input tokens of calls that were refused; their spans carry no usage, so nobody can know them.
    with (folder / "calls.csv").open(newline="") as stream:
        for call in csv.DictReader(stream):
            if call["error"]:
                for model in (call["model"], "ALL"):
                    by_model[model]["input_tokens"] -= int(call["input_tokens"])
    return Replay(
        bodies=[file.read_bytes() for file in sorted(folder.glob("otlp_*.json"))],
        prices=truth["prices_usd_per_million"],
        truth=by_model,
    )


def generate(calls: int = 1_200) -> Replay:
    random_numbers = random.Random(7)
    prices = {"alpha": ["1.95", "2.56"], "beta": ["0.70", "0.80"], "gamma": ["15", "75.5"]}
    rows = [_call(random_numbers, list(prices)) for _ in range(calls)]
    bodies = [_body(rows[i : i + 200]) for i in range(0, calls, 200)]
    truth = {model: _truth([r for r in rows if r["model"] == model], prices) for model in prices}
    truth["ALL"] = _truth(rows, prices)
    return Replay(bodies=bodies, prices=prices, truth=truth)


def _call(random_numbers: random.Random, models: list[str]) -> dict[str, Any]:
    return {
        "model": random_numbers.choice(models),
        "input": random_numbers.randrange(5, 4_000),
        "output": random_numbers.randrange(1, 900),
        "start": _EPOCH_NS + random_numbers.randrange(86_000) * 10**9,
        "duration": random_numbers.randrange(50_000_000, 20_000_000_000),
        "error": random_numbers.random() < 0.1,
        "trace": f"{random_numbers.getrandbits(128) | 1:032x}",
        "span": f"{random_numbers.getrandbits(64) | 1:016x}",
    }


def _body(rows: list[dict[str, Any]]) -> bytes:
    def attribute(key: str, value: str | int) -> dict[str, Any]:
        return {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }

    spans = [
        {
            "traceId": row["trace"],
            "spanId": row["span"],
            "name": "chat",
            "startTimeUnixNano": str(row["start"]),
            "endTimeUnixNano": str(row["start"] + row["duration"]),
            "attributes": [
                attribute("gen_ai.operation.name", "chat"),
                attribute("gen_ai.request.model", row["model"]),
                attribute("gen_ai.usage.input_tokens", row["input"]),
                attribute("gen_ai.usage.output_tokens", row["output"]),
            ],
            "status": {"code": 2 if row["error"] else 0},
        }
        for row in rows
    ]
    resource = {"attributes": [attribute("service.name", "replayed")]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()


def _truth(rows: list[dict[str, Any]], prices: dict[str, list[str]]) -> dict[str, Any]:
    cost = sum(
        (row["input"] * Decimal(prices[row["model"]][0]) + row["output"] * Decimal(prices[row["model"]][1]))
        / 1_000_000
        for row in rows
    )
    seconds = sorted(row["duration"] / 1e9 for row in rows if not row["error"])
    ranks = {
        p: seconds[math.ceil(share * len(seconds)) - 1]
        for p, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    return {
        "calls": len(rows),
        "errors": sum(row["error"] for row in rows),
        "input_tokens": sum(row["input"] for row in rows),
        "output_tokens": sum(row["output"] for row in rows),
        "cost_usd": str(cost),
        **{f"{p}_latency_s": value for p, value in ranks.items()},
    }
