"""A results document with what people say beside what the judge says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from genaiops_core.evaluation.human.agreement import JudgeAgreement
from genaiops_core.evaluation.human.judged import read_run_agreement
from genaiops_core.evaluation.runs import Evaluation, results


def build_document(
    connection: sa.Connection, run: Evaluation, *, with_details: bool = True
) -> dict[str, Any]:
    """The results document of a run as it leaves the product: with its cases, and corrected means where labels allow.

    Labels may come long after the run has ended, so they are looked up here and not kept with the run.

    Args:
        connection: best a `reading` snapshot.
        run: whose.
        with_details: whether the cases are told, a row each.
    """
    body = results.build_document(run, results.load_details(connection, run) if with_details else ())
    return add_corrected_means(body, read_run_agreement(connection, run.id))


def add_corrected_means(body: Mapping[str, Any], agreements: Sequence[JudgeAgreement]) -> dict[str, Any]:
    """The document with `corrected` filled for every metric that people labelled; the gates stay as they were."""
    metrics = dict(body["metrics"])
    for agreement in agreements:
        if agreement.metric in metrics:
            metrics[agreement.metric] = {**metrics[agreement.metric], "corrected": _entry(agreement)}
    return {**body, "metrics": metrics}


def _entry(agreement: JudgeAgreement) -> dict[str, Any]:
    estimate = agreement.corrected
    return {
        "mean": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "label": agreement.label,
        "labelled": estimate.labelled,
        "bias": estimate.bias,
        "method": estimate.method,
        "problem": estimate.problem,
    }
