"""A results document with means that are corrected by human labels."""

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
    """The exported results document of an evaluation, with its cases and corrected means.

    Labels may arrive long after the evaluation, so they are read here and not stored with it.

    Args:
        connection: preferably a `reading` snapshot.
        run: the evaluation.
        with_details: whether the document has a row per case.
    """
    body = results.build_document(run, results.load_details(connection, run) if with_details else ())
    return add_corrected_means(body, read_run_agreement(connection, run.id))


def add_corrected_means(body: Mapping[str, Any], agreements: Sequence[JudgeAgreement]) -> dict[str, Any]:
    """The document with `corrected` set for every labelled metric; gates do not change."""
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
