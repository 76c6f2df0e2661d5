"""A finished run with known values, and labels of its cases: the start of tests of judge-human agreement."""

from __future__ import annotations

import json

import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score
from db.transaction import writing
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.human import label_imports

DATASET = "prices"
METRIC = "grounding_overlap"

# The judge scores every fourth case low; reviewers rate those bad, and two more.
SCORES = {n: 0.2 if n % 4 == 0 else 0.9 + n / 1_000 for n in range(1, 61)}
LABELS = {n: "bad" if n % 4 == 0 or n in (1, 2) else "good" for n in range(1, 41)}


def import_dataset(engine: sa.Engine, cases: int, *, name: str = DATASET) -> datasets.DatasetVersion:
    """Cases whose question and answer name their number."""
    rows = [
        {"question": f"What is {n}?", "answer": f"It is {n}.", "contexts": [f"{n}"]}
        for n in range(1, cases + 1)
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    return datasets.import_dataset(engine, actor="ada", name=name, data=data, filename="cases.jsonl")


def create_finished_run(
    engine: sa.Engine, values: dict[int, float], *, name: str = DATASET, minimum: float | None = None
) -> str:
    """A run of the offline judge whose `METRIC` has these values by case number."""
    minimums = None if minimum is None else {METRIC: minimum}
    identifier = runs.launch(engine, actor="ada", dataset=name, minimums=minimums)
    with writing(engine) as connection:
        rows = [
            {
                "evaluation_id": identifier,
                "case_no": number,
                "repetition": 1,
                "metric": METRIC,
                "value": value,
                "reason": "",
                "cost_nano_usd": 0,
                "latency_ms": 1.0,
            }
            for number, value in values.items()
        ]
        connection.execute(sa.insert(evaluation_score), rows)
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == identifier)
            .values(state="finished", verdict="passed")
        )
    return identifier


def import_labels(
    engine: sa.Engine, labels: dict[int, str], *, metric: str = "groundedness", actor: str = "grace"
) -> label_imports.LabelImport:
    """Import the labels of `actor` by case number."""
    data = "case,label\n" + "".join(f"{number},{word}\n" for number, word in labels.items())
    return label_imports.import_labels(
        engine, actor=actor, dataset=DATASET, metric=metric, data=data.encode(), filename="labels.csv"
    )
