"""The results document shows the mean corrected by human labels, or why there is none."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.human import results
from genaiops_core.evaluation.runs import execution
from genaiops_core.evaluation.verdicts.comment import render_markdown
from genaiops_core.evaluation.verdicts.results_schema import CorrectedEntry
from tests.integration.labelled import DATASET, METRIC, import_dataset, import_labels


def build_labelled_document(engine: sa.Engine, labels: dict[int, str]) -> dict[str, Any]:
    """The results document of an evaluation of sixty cases; `labels` maps case numbers to labels."""
    import_dataset(engine, 60)
    evaluation = execution.run(
        engine, runs.launch(engine, actor="ada", dataset=DATASET, minimums={METRIC: 0.5})
    )
    if labels:
        import_labels(engine, labels)
    with reading(engine) as connection:
        assert datasets.get_version(connection, DATASET).cases == 60
        return results.build_document(connection, evaluation)


def test_human_labels_correct_the_mean_but_no_gate(engine: sa.Engine) -> None:
    body = build_labelled_document(
        engine, {number: "bad" if number % 2 else "good" for number in range(1, 41)}
    )
    entry = body["metrics"][METRIC]
    corrected = CorrectedEntry.model_validate(entry["corrected"])
    # The judge scores every answer as good; humans label every second answer as bad.
    assert (entry["mean"], body["verdict"]) == (1.0, "passed")
    assert corrected.mean == pytest.approx(0.5)
    assert (corrected.label, corrected.labelled, corrected.bias) == ("groundedness", 40, 0.5)
    assert f"{METRIC} by human labels: 0.500" in render_markdown(body).replace("\\", "")


def test_too_few_labels_give_a_reason_and_no_mean(engine: sa.Engine) -> None:
    corrected = build_labelled_document(engine, {1: "good", 2: "bad"})["metrics"][METRIC]["corrected"]
    assert corrected["mean"] is None
    assert corrected["problem"] == "insufficient data: 2 of at least 20 labelled cases"


def test_without_labels_there_is_no_corrected_mean(engine: sa.Engine) -> None:
    assert build_labelled_document(engine, {})["metrics"][METRIC]["corrected"] is None
