"""Money, worked by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.pricing import builtin
from genaiops_core.pricing.imports import EPOCH, read_prices
from genaiops_core.pricing.prices import PriceList
from genaiops_core.pricing.rates import Rates, SpecialTokens, UnknownRate, cost_nano_usd
from genaiops_core.pricing.tiers import normalize_tier

NOVEMBER_2026_NS = int(dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()) * 10**9


def test_cents_per_million_tokens_are_exact() -> None:
    # 850 x 1.00 + 9 x 2.56 USD per million = 873.04 millionths of a USD
    rates = Rates(input=1_000_000_000, output=2_560_000_000)
    assert cost_nano_usd(rates, input_tokens=850, output_tokens=9) == 873_040


def test_cached_tokens_have_own_rate_or_input_rate() -> None:
    tokens = {"input_tokens": 1000, "output_tokens": 0, "cache_read_tokens": 600, "cache_write_tokens": 100}
    own = Rates(input=10_000_000, output=0, cache_read=1_000_000, cache_write=20_000_000)
    assert cost_nano_usd(own, **tokens) == (300 * 10 + 600 * 1 + 100 * 20)
    assert cost_nano_usd(Rates(input=10_000_000, output=0), **tokens) == 1000 * 10


def test_cost_is_rounded_once() -> None:
    rates = Rates(input=100_000, output=0)
    assert cost_nano_usd(rates, input_tokens=4, output_tokens=0) == 0
    assert cost_nano_usd(rates, input_tokens=5, output_tokens=0) == 1


@pytest.mark.parametrize(
    ("provider", "model", "input_usd", "output_usd"),
    [
        ("openai", "gpt-4o", 2.5, 10),
        ("", "gpt-4o", 2.5, 10),
        ("az.ai.openai", "gpt-4o", 2.5, 10),
        ("aws.bedrock", "amazon.nova-lite-v1:0", 0.06, 0.24),
        ("", "amazon.nova-lite-v1:0", 0.06, 0.24),
        ("aws", "amazon.nova-lite-v1%3A0", 0.06, 0.24),
        ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1, 5.5),
        ("aws", "amazon.titan-embed-text-v2:0", 0.02, 0),
    ],
)
def test_builtin_prices_are_exact(provider: str, model: str, input_usd: float, output_usd: float) -> None:
    rates = builtin.rates(provider, model, NOVEMBER_2026_NS, 1000)
    assert rates is not None
    assert (rates.input, rates.output) == (round(input_usd * 1e9), round(output_usd * 1e9))


def test_long_inputs_have_a_higher_rate() -> None:
    short = builtin.rates("google", "gemini-2.5-pro", NOVEMBER_2026_NS, 200_000)
    long = builtin.rates("google", "gemini-2.5-pro", NOVEMBER_2026_NS, 200_001)
    assert short is not None and long is not None
    assert (short.input, long.input) == (1_250_000_000, 2_500_000_000)


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-4o"), ("google", "gemini-2.5-pro"), ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0")])  # fmt: skip
def test_prices_agree_with_genai_prices(provider: str, model: str) -> None:
    from genai_prices import Usage, calc_price

    at = dt.datetime.fromtimestamp(NOVEMBER_2026_NS / 1e9, dt.UTC)
    for input_tokens in (1_234, 250_000):
        usage = Usage(input_tokens=input_tokens, output_tokens=567, cache_read_tokens=1_000)
        expected = calc_price(usage, model, provider_id=provider, genai_request_timestamp=at).total_price
        ours = PriceList().cost_nano_usd(provider, model, NOVEMBER_2026_NS, input_tokens, 567, 1_000)
        assert ours == round(expected * 10**9)


def test_unknown_cost_is_none_and_never_zero() -> None:
    prices = PriceList()
    assert prices.cost_nano_usd("openai", "no-such-model", NOVEMBER_2026_NS, 1, 1) is None
    assert prices.cost_nano_usd("nobody", "llama-3.3-70b", NOVEMBER_2026_NS, 1, 1) is None
    assert prices.cost_nano_usd("openai", "gpt-4o", NOVEMBER_2026_NS, None, 1) is None
    assert prices.cost_nano_usd("openai", "gpt-4o", NOVEMBER_2026_NS, 1, None) is None
    assert prices.cost_nano_usd("openai", "", NOVEMBER_2026_NS, 1, 1) is None


@pytest.mark.parametrize(
    ("provider", "model", "input_usd"),
    [
        ("strands-agents", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1),
        ("anthropic", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1),
        ("anthropic", "claude-haiku-4-5-20251001", 1.0),
        ("", "claude-haiku-4-5-20251001-v1:0", 1.1),
        ("aws.bedrock", "nova-lite-v1:0", 0.06),
        ("acme", "amazon.titan-embed-text-v2:0", 0.02),
        ("acme", "text-embedding-3-small", 0.02),
        ("gateway", "openai/gpt-4o", 2.5),
        ("litellm", "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1),
        ("x_ai", "grok-4.3", 1.25),
        ("gcp.gen_ai", "models/gemini-2.5-flash", 0.3),
        ("openai", "claude-haiku-4-5", 1.0),
        ("acme", "qwen-2.5-72b", None),
        ("ollama", "gpt-4o", None),
        ("acme", "our-own-model", None),
    ],
)
def test_price_is_found_by_alias_name_or_shape(provider: str, model: str, input_usd: float | None) -> None:
    rates = builtin.rates(provider, model, NOVEMBER_2026_NS, 1000)
    assert (rates.input if rates else None) == (round(input_usd * 1e9) if input_usd else None)


def test_tier_has_own_price_or_none() -> None:
    standard = builtin.rates("openai", "gpt-5-mini", NOVEMBER_2026_NS, 1000)
    flex = builtin.rates("openai", "gpt-5-mini", NOVEMBER_2026_NS, 1000, "flex")
    assert standard is not None and flex is not None
    assert (flex.input, flex.output) == (standard.input // 2, standard.output // 2)
    assert (
        builtin.rates("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0", NOVEMBER_2026_NS, 1, "flex")
        is None
    )
    # Azure sells models of OpenAI at prices of its own.
    assert builtin.rates("azure", "gpt-5-mini", NOVEMBER_2026_NS, 1, "flex") is None


@pytest.mark.parametrize(
    ("value", "tier"),
    [("default", ""), ("ON_DEMAND", ""), ("auto", ""), ("Flex", "flex"), ("PROVISIONED_THROUGHPUT", "reserved"), ("scale", "reserved")],
)  # fmt: skip
def test_tier_names(value: str, tier: str) -> None:
    assert normalize_tier(value) == tier


def test_special_tokens_have_own_rate_or_no_price() -> None:
    rates = Rates(input=4_000_000_000, output=16_000_000_000, input_audio=32_000_000_000)
    tokens = {"input_tokens": 1000, "output_tokens": 10}
    # 900 x 4 + 100 x 32 + 10 x 16
    assert cost_nano_usd(rates, **tokens, special=SpecialTokens(input_audio=100)) == 6_960_000
    # Images are read as text without a rate of their own.
    assert cost_nano_usd(rates, **tokens, special=SpecialTokens(input_image=100)) == 4_160_000
    for unknown in (
        SpecialTokens(output_audio=1),
        SpecialTokens(output_image=1),
        SpecialTokens(cache_write_1h=1),
    ):
        with pytest.raises(UnknownRate):
            cost_nano_usd(rates, **tokens, special=unknown)


def test_json_prices_are_read_exactly() -> None:
    (a, b) = read_prices(b'\xef\xbb\xbf{"a": ["0.10", "2.56"], "b": [0.1, 3]}', "p.json")
    assert (a.input_nano_usd_per_million, a.output_nano_usd_per_million) == (100_000_000, 2_560_000_000)
    assert (b.input_nano_usd_per_million, b.output_nano_usd_per_million) == (100_000_000, 3_000_000_000)
    assert (a.provider, a.region, a.tier, a.valid_from) == ("", "", "", EPOCH)


def test_csv_prices_are_read() -> None:
    text = (
        "model,provider,region,tier,valid_from,input,output,cache_read,cache_write\n"
        "m,aws.bedrock,,,2026-01-31,1.5,2,0.15,\n"
        "\n"
        "n,,,,,0,0,,\n"
    )
    m, n = read_prices(text.encode(), "p.csv")
    assert m.valid_from == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert (m.cache_read_nano_usd_per_million, m.cache_write_nano_usd_per_million) == (150_000_000, None)
    assert n.input_nano_usd_per_million == 0


@pytest.mark.parametrize(
    ("data", "filename", "sentence"),
    [
        (b'{"m": [1]}', "p.json", "list of two prices"),
        (b'{"m": ["x", 1]}', "p.json", "input is 'x'"),
        (b'{"m": [-1, 1]}', "p.json", "from 0 to a million"),
        (b'{"m": [1, true]}', "p.json", "output is True"),
        (b'{"m": [1, NaN]}', "p.json", "output is nan"),
        (b'{"m": [1, ', "p.json", "not JSON"),
        (b"\xff", "p.json", "not UTF-8"),
        (b"model,input\nm,1\n", "p.csv", "lacks the column output"),
        (b"model,input,output\nm,1,free\n", "p.csv", "line 2: output is 'free'"),
        (b"model,input,output\n,1,2\n", "p.csv", "line 2: the model is missing"),
        (b"model,valid_from,input,output\nm,soon,1,2\n", "p.csv", "valid_from is 'soon'"),
    ],
)
def test_invalid_price_file_error_has_position(data: bytes, filename: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_prices(data, filename)
