"""Reads for a run that is being put together: what its cases lack, and what it will take."""

from __future__ import annotations

import time
from typing import Any

from genaiops_core.evaluation.judges import Judge
from genaiops_core.evaluation.runs import preflight
from genaiops_core.evaluation.runs.estimate import Estimate
from genaiops_core.pricing.prices import PriceList
from genaiops_core.releases import as_target
from pages.parts.reads.cache import SLOW_S, cache_for
from pages.parts.reads.connection import open_snapshot


@cache_for(SLOW_S)
def measure_coverage(url: str, dataset: str, version: int, split: str) -> preflight.Coverage:
    """What the cases of a dataset version, or of one of its splits, have; versions never change."""
    with open_snapshot(url) as connection:
        return preflight.measure_coverage(connection, dataset, version, split)


@cache_for(SLOW_S)
def load_prices(url: str) -> PriceList:
    """The prices of this installation."""
    with open_snapshot(url) as connection:
        return PriceList.load(connection)


def estimate_max_cost(url: str, who: Judge, found: Estimate) -> int | None:
    """What judging may cost, in nano-USD; None when a model of the judge has no known price."""
    if who.model is None:
        # AWS charges for its evaluators, but not by the token.
        return 0 if not found.calls else None
    listed, at_ns = load_prices(url), time.time_ns()
    asked = listed.cost_nano_usd(
        who.model.provider, who.model.name, at_ns, found.input_tokens, found.output_tokens
    )
    if not found.embeddings:
        return asked
    embedded = listed.cost_nano_usd(
        who.model.provider, who.model.embedding_name, at_ns, found.embedding_tokens, 0
    )
    return None if asked is None or embedded is None else asked + embedded


@cache_for(SLOW_S)
def build_release_target(url: str, application: str, release: str, prompt: str) -> dict[str, Any]:
    """The document of the target that calls a release."""
    with open_snapshot(url) as connection:
        return as_target.target_document(connection, application=application, release=release, prompt=prompt)
