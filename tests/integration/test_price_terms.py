"""Overrides of one tier, region or kind of token, and the cost that a sender states, through ingest."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.telemetry import span
from db.transaction import reading
from genaiops_core.pricing.imports import import_prices, read_prices
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from tests.field_cases import HAIKU, mini, of_model
from tests.otlp_samples import export

PRICES = """model,provider,region,tier,valid_from,input,output,cache_read,cache_write
our-7b,,,,,1,10,,2
our-7b,,eu-west-1,,,3,30,,
our-7b,,,flex,,0.5,5,,
our-7b,,,audio,,8,80,,
our-7b,,,cache_1h,,0,0,,4
gpt-5.4,,eu,,,2.75,16.5,,
"""


def price(engine: sa.Engine, sent: dict[str, Any], **options: Any) -> int | None:
    ingest(engine, decode_json(json.dumps(export(sent)).encode()), **options)
    with reading(engine) as connection:
        cost: int | None = connection.execute(sa.select(span.c.cost_nano_usd)).scalar_one()
    return cost


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, 2_000_000),
        ({"aws__region": "eu-west-1"}, 6_000_000),
        ({"aws__region": "us-east-1"}, 2_000_000),
        ({"service_tier": "flex"}, 1_000_000),
        ({"service_tier": "priority"}, None),
        # 900 x 1 + 100 x 8 + 100 x 10 per million
        ({"gen_ai__usage__input_audio_tokens": 100}, 2_700_000),
        # 800 x 1 + 200 x 4 + 100 x 10
        ({"gen_ai__usage__cache_write_1h_tokens": 200}, 2_600_000),
        ({"gen_ai__usage__output_image_tokens": 5}, None),
    ],
)
def test_override_of_tier_region_or_kind(
    engine: sa.Engine, attributes: dict[str, Any], expected: int | None
) -> None:
    import_prices(engine, actor="grace", prices=read_prices(PRICES.encode(), "p.csv"), source="p.csv")
    assert price(engine, of_model("acme", "our-7b", **attributes)) == expected


def test_regional_endpoint_is_priced_by_override_alone(engine: sa.Engine) -> None:
    sent = of_model("openai", "gpt-5.4", server__address="https://eu.api.openai.com/v1")
    import_prices(engine, actor="grace", prices=read_prices(PRICES.encode(), "p.csv"), source="p.csv")
    assert price(engine, sent) == 4_400_000


@pytest.mark.parametrize(("is_used", "expected"), [(True, 3_000_000), (False, None)])
def test_stated_cost_is_used_only_if_set(engine: sa.Engine, is_used: bool, expected: int | None) -> None:
    sent = of_model("acme", "our-7b", operation__cost=0.003)
    assert price(engine, sent, use_stated_cost=is_used) == expected


def test_list_price_outweighs_stated_cost(engine: sa.Engine) -> None:
    assert price(engine, mini(operation__cost=3.0)) == 450_000


def test_unknown_life_of_cache_writes_is_five_minutes(engine: sa.Engine) -> None:
    # 700 x 1.1 + 300 x 1.375 + 100 x 5.5
    sent = of_model("aws.bedrock", HAIKU, gen_ai__usage__cache_creation__input_tokens=300)
    assert price(engine, sent) == 1_732_500
