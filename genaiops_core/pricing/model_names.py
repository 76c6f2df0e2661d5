"""Where the price of a model is looked up: the provider's aliases, the shape of the model's id, then the model's own name.

Telemetry often names a framework or a gateway as the provider, or spells a provider in its own way. The price of a
proprietary model is known whoever passes it on. That of an open-weights model is not: each host sets its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

AWS = "aws"


class Candidate(NamedTuple):
    """A place of the price list: a provider (None for the owner of the model's name) and a model."""

    provider: str | None
    model: str


_ALIASES = {
    "gcp.gen_ai": "google",
    "gcp": "google",
    "google_genai": "google",
    "vertex_ai": "google",
    "x_ai": "x-ai",
    "x.ai": "x-ai",
    "xai": "x-ai",
    "grok": "x-ai",
    "az.ai.inference": "azure",
    "azure.ai.inference": "azure",
    "azure_ai": "azure",
    "azure-ai": "azure",
    "azure_ai_inference": "azure",
    "azure.cognitiveservices": "azure",
    "amazon_bedrock": AWS,
    "bedrock_converse": AWS,
    "aws_bedrock": AWS,
    "togetherai": "together",
    "together.ai": "together",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "fireworks.ai": "fireworks",
    "fireworks-ai": "fireworks",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "voyage": "voyageai",
    "voyage_ai": "voyageai",
    "z_ai": "zai",
    "z.ai": "zai",
    "z-ai": "zai",
    "ibm.watsonx.ai": "",
}
"""Names of providers in telemetry -> those of the price list; '' for a provider that has no list prices."""

_LOCAL_RUNTIMES = frozenset(
    (
        "ollama",
        "vllm",
        "lmstudio",
        "lm_studio",
        "llama.cpp",
        "llama_cpp",
        "llamacpp",
        "localai",
        "sglang",
        "tgi",
    )
)
"""Servers that people run themselves: what a call costs there, no list knows."""

_VENDORS = (
    "amazon",
    "anthropic",
    "meta",
    "mistral",
    "cohere",
    "ai21",
    "deepseek",
    "openai",
    "qwen",
    "google",
    "nvidia",
    "writer",
    "moonshotai",
    "zai",
    "minimax",
    "stability",
    "luma",
    "twelvelabs",
)
_BEDROCK_ID = re.compile(
    r"(?:[a-z]{2,4}(?:-gov)?\.|global\.|apac\.)?(?:" + "|".join(_VENDORS) + r"|moonshot)\.[a-z0-9]"
)
_BEDROCK_VERSION = re.compile(r"-v\d+:\d+(?::\w+)?$")
"""End of a Bedrock id, also of one whose region and vendor were removed."""
_LOOSE_VERSION = re.compile(r"-v\d+(?::\d+)?$")
_VERTEX_VERSION = re.compile(r"^claude-.*@\d{8}$")

_OPEN_WEIGHTS = re.compile(
    r"gpt-oss|gemma|llama|mixtral|mistral-7b|mistral-nemo|open-mi|qwen|phi-|deepseek-(?!chat|reasoner)|kimi|glm|nemotron"
)
_OWNERS = (
    (
        re.compile(r"text-embedding-(3|ada)|text-moderation|omni-moderation|whisper-1|tts-1|dall-e|codex"),
        "openai",
    ),
    (re.compile(r"text-embedding-0|text-multilingual-embedding|imagen|veo"), "google"),
    (re.compile(r"embed-(v|english|multilingual)|rerank-"), "cohere"),
    (re.compile(r"voyage-|rerank-2"), "voyageai"),
    (re.compile(r"sonar"), "perplexity"),
)
"""Start of a model's name -> its owner, where the price list has no rule to find it."""


def list_candidates(provider: str, model: str) -> Iterator[Candidate]:
    """The places where the price of `model` may be provider_info, the surest first.

    Args:
        provider: as the telemetry says it; '' when it does not.
        model: a model id, Bedrock inference profile, ARN, or path of a gateway such as `openai/gpt-5-mini`.
    """
    name = unquote(model).strip().lower()
    tail = name.rsplit("/", 1)[-1]
    known = _find_provider(provider)
    if _BEDROCK_ID.match(tail) or _BEDROCK_VERSION.search(tail):
        yield from _list_bedrock(name, tail)
    if _VERTEX_VERSION.match(tail):
        yield Candidate("google", tail)
    if known:
        yield Candidate(known, name)
        if tail != name:
            yield Candidate(known, tail)
        if known == AWS:
            yield from _list_bedrock(name, tail)
    elif provider and _normalize(provider) in _LOCAL_RUNTIMES:
        return
    is_open = bool(_OPEN_WEIGHTS.search(tail))
    if tail != name:
        owner = _find_provider(name.split("/", 1)[0])
        if owner and not (is_open and provider):
            yield Candidate(owner, name.split("/", 1)[1])
            yield Candidate(owner, tail)
    if is_open and provider:
        return
    yield Candidate(None, tail)
    for pattern, owner in _OWNERS:
        if pattern.match(tail):
            yield Candidate(owner, tail)
    if _LOOSE_VERSION.search(tail) or not provider:
        yield from _list_bedrock(name, tail)


def same_provider(first: str, second: str) -> bool:
    """Whether two names of a provider stand for the same one."""
    if first == second:
        return True
    known = _find_provider(first)
    return bool(known) and known == _find_provider(second)


def _list_bedrock(name: str, tail: str) -> Iterator[Candidate]:
    yield Candidate(AWS, tail)
    if "." not in tail.split("-", 1)[0]:
        for vendor in _VENDORS:
            yield Candidate(AWS, f"{vendor}.{tail}")
        # Listed by region alone; without a region in the id, the regional price is meant.
        yield Candidate(AWS, f"us.amazon.{tail}")
    if name != tail:
        yield Candidate(AWS, name)


def _find_provider(provider: str) -> str:
    """The provider's id in the price list; '' when it is not known there."""
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

    name = _normalize(provider)
    if not name:
        return ""
    if name in _ALIASES:
        return _ALIASES[name]
    providers = get_snapshot().providers
    # `deepseek.chat`, `xai.responses`: the AI SDK adds the API after a dot.
    for candidate in (name, name.replace("_", "-"), name.split(".", 1)[0]):
        if candidate in _ALIASES:
            return _ALIASES[candidate]
        provider_info = find_provider_by_id(providers, candidate)
        if provider_info is not None:
            return str(provider_info.id)
    return ""


def _normalize(provider: str) -> str:
    return provider.strip().lower()
