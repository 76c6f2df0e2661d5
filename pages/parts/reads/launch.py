"""Reads for the form that starts an evaluation: coverage of the cases, prices, cost, and the release to call."""

from __future__ import annotations

import time
from typing import Any

from genaiops_core.evaluation.judges import Judge
from genaiops_core.evaluation.runs import estimate
from genaiops_core.evaluation.runs.estimate import Estimate
from genaiops_core.pricing.prices import PriceList
from genaiops_core.releases import as_target
from pages.parts.reads.cache import SLOW_S, cache_for
from pages.parts.reads.connection import open_snapshot


@cache_for(SLOW_S)
def measure_coverage(url: str, dataset: str, version: int, split: str) -> estimate.Coverage:
    """Which fields the cases of a dataset version, or of one split, have; versions never change."""
    with open_snapshot(url) as connection:
        return estimate.measure_coverage(connection, dataset, version, split)


@cache_for(SLOW_S)
def load_prices(url: str) -> PriceList:
    """The price list of this installation."""
    with open_snapshot(url) as connection:
        return PriceList.load(connection)


def estimate_max_cost(url: str, judge: Judge, estimate: Estimate) -> int | None:
    """The most that judging may cost, in nano-USD; None when a model of the judge has no known price."""
    if judge.model is None:
        # AWS charges for its evaluators, but not by the token.
        return 0 if not estimate.calls else None
    prices, at_ns = load_prices(url), time.time_ns()
    generation = prices.cost_nano_usd(
        judge.model.provider, judge.model.name, at_ns, estimate.input_tokens, estimate.output_tokens
    )
    if not estimate.embeddings:
        return generation
    embedding = prices.cost_nano_usd(
        judge.model.provider, judge.model.embedding_name, at_ns, estimate.embedding_tokens, 0
    )
    return None if generation is None or embedding is None else generation + embedding


@cache_for(SLOW_S)
def build_release_target(url: str, application: str, release: str, prompt: str) -> dict[str, Any]:
    """The target document that calls a release."""
    with open_snapshot(url) as connection:
        return as_target.target_document(connection, application=application, release=release, prompt=prompt)
