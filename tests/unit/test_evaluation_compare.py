"""Two runs compared case by case, and the comment written from results."""

from __future__ import annotations

import numpy as np

from genaiops_core.evaluation.comment import markdown
from genaiops_core.evaluation.compare import compare_documents
from genaiops_core.evaluation.details import input_sha256
from genaiops_core.evaluation.summaries import Unit, summarise


def body(
    values: list[float | None], *, metric: str = "grounding_overlap", **more: object
) -> dict[str, object]:
    result = summarise(metric, [[Unit(value, "" if value is not None else "no answer")] for value in values])
    details = [
        {
            "case": number,
            "input_sha256": input_sha256(f"question {number}"),
            "input": f"question {number} <b>|`@here",
            "scores": {metric: value},
            "reasons": {},
        }
        for number, value in enumerate(values, start=1)
    ]
    return {
        "metrics": {metric: result.as_json()},
        "gates": [],
        "details": details,
        "verdict": "passed",
        **more,
    }


BASE = list(np.random.default_rng(1).uniform(0.5, 0.9, 60))


def test_the_same_run_is_no_regression() -> None:
    assert compare_documents(body(BASE), body(BASE), 0.05).verdict == "passed"


def test_a_loss_on_every_case_fails_and_a_gain_passes() -> None:
    worse = compare_documents(body(BASE), body([value - 0.1 for value in BASE]), 0.05)
    assert worse.verdict == "failed"
    assert round(worse.differences[0].difference or 0, 6) == -0.1
    assert "bootstrap" in worse.differences[0].method
    assert compare_documents(body(BASE), body([value + 0.1 for value in BASE]), 0.05).verdict == "passed"


def test_noise_as_large_as_the_allowance_is_inconclusive() -> None:
    noise = np.random.default_rng(2).normal(-0.05, 0.3, 60)
    noisy = [float(np.clip(value + shift, 0, 1)) for value, shift in zip(BASE, noise, strict=True)]
    assert compare_documents(body(BASE), body(noisy), 0.05).verdict == "inconclusive"


def test_too_few_common_cases_or_a_lost_metric_is_inconclusive() -> None:
    few = compare_documents(body(BASE), body([0.9] * 9 + [None] * 51), 0.05)
    assert (few.verdict, few.differences[0].n) == ("inconclusive", 9)
    lost = compare_documents(body(BASE), body(BASE, metric="question_overlap"), 0.05)
    assert lost.verdict == "inconclusive"


def test_the_comment_shows_scores_and_folds_details_without_foreign_markup() -> None:
    text = markdown(
        {
            **body(BASE),
            "dataset": "suite",
            "version": 2,
            "cases": 60,
            "cases_total": 100,
            "judge": "offline",
            "application": "shop",
            "release": "v2",
            "cost_usd": "0",
            "traffic": {
                "requests": 1200,
                "unpriced_calls": 0,
                "monthly_cost_usd": 60.0,
                "window_days": 7,
                "cost_per_query_usd": 0.0123,
                "latency_ms": {"p95": 2400.0},
            },
        }
    )
    assert text.startswith("## ✅ Evaluation passed\n")
    assert "60 of 100 cases" in text
    assert "grounding_overlap (proxy)" in text
    assert "0.0123 USD (1,200 requests, last 7 days)" in text
    assert "p95 latency: 2,400 ms" in text
    assert "<details>" in text
    assert "<b>" not in text and "@here" not in text
