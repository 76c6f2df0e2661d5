"""A results document tells the corrected mean beside the raw one, and says when labels are too few."""

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


def told(engine: sa.Engine, said: dict[int, str]) -> dict[str, Any]:
    """The document of a run on sixty cases of which some are labelled."""
    import_dataset(engine, 60)
    done = execution.run(engine, runs.launch(engine, actor="ada", dataset=DATASET, minimums={METRIC: 0.5}))
    if said:
        import_labels(engine, said)
    with reading(engine) as connection:
        assert datasets.get_version(connection, DATASET).cases == 60
        return results.build_document(connection, done)


def test_people_s_labels_correct_the_mean_without_moving_the_gate(engine: sa.Engine) -> None:
    body = told(engine, {number: "bad" if number % 2 else "good" for number in range(1, 41)})
    entry = body["metrics"][METRIC]
    found = CorrectedEntry.model_validate(entry["corrected"])
    # The judge finds every answer good, people find every second one bad.
    assert (entry["mean"], body["verdict"]) == (1.0, "passed")
    assert found.mean == pytest.approx(0.5)
    assert (found.label, found.labelled, found.bias) == ("groundedness", 40, 0.5)
    assert f"{METRIC} by human labels: 0.500" in render_markdown(body).replace("\\", "")


def test_too_few_labels_give_a_reason_and_no_number(engine: sa.Engine) -> None:
    found = told(engine, {1: "good", 2: "bad"})["metrics"][METRIC]["corrected"]
    assert found["mean"] is None
    assert found["problem"] == "insufficient data: 2 of at least 20 labelled cases"


def test_without_labels_nothing_is_corrected(engine: sa.Engine) -> None:
    assert told(engine, {})["metrics"][METRIC]["corrected"] is None
