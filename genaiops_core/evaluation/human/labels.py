"""Human labels of test cases: one value from 0 to 1 per case, metric and labeller, valid in all dataset versions."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import human_label
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human.review_queue import CRITERIA
from genaiops_core.evaluation.metrics import normalise_name
from genaiops_core.rows import build_record

RANDOM = "panel, in random order"
NEAREST = "panel, nearest the threshold first"
"""Labels of cases that were selected by their score: no random sample, so the corrected mean excludes them."""

SUGGESTED = tuple(criterion.name for criterion in CRITERIA)
"""Suggested criteria; any other metric may be labelled too."""

MAX_METRIC = 100
_ROWS_A_STATEMENT = 500


@dataclass(frozen=True, kw_only=True)
class Label:
    """The label of one person for one case."""

    case_sha256: str
    metric: str
    value: float
    """0 (bad) to 1 (good)."""
    labeller: str
    source: str
    labelled_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class CaseLabel:
    """All labels of one case for one metric."""

    value: float
    """Mean over the labellers."""
    labellers: int
    is_random: bool
    """Whether the case was selected for labelling independently of its score."""


@dataclass(frozen=True, kw_only=True)
class LabelCount:
    """Numbers of labels of one metric."""

    dataset: str
    metric: str
    cases: int
    labels: int
    labellers: int
    mean: float
    newest: dt.datetime


@dataclass(frozen=True, kw_only=True)
class NewLabel:
    """A label to store."""

    case_sha256: str
    value: float
    labeller: str


def case_sha256(input: str, answer: str | None) -> str:
    """Identify a case by input and answer: equal pairs are the same case in all versions and evaluations."""
    # Stored in the database: another formula would orphan all existing labels.
    return hashlib.sha256(f"{input}\n{answer or ''}".encode()).hexdigest()


def check_metric_name(name: str) -> str:
    """Normalise the name of a labelled criterion.

    Raises:
        BadInput: the name is invalid.
    """
    metric = normalise_name(name)
    if not metric or len(metric) > MAX_METRIC or not metric.replace("_", "").replace(".", "").isalnum():
        raise BadInput(
            f"'{name}' is not a valid name of a metric; use letters, digits and _, for example {', '.join(SUGGESTED)}."
        )
    return metric


def label_case(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    input: str,
    answer: str | None,
    metric: str,
    value: float,
    source: str = RANDOM,
) -> None:
    """Store the label of `actor` for one case; it replaces their earlier label.

    Args:
        engine: the database.
        actor: the labeller.
        dataset: of the case.
        input, answer: of the case.
        metric: the labelled criterion, for example `groundedness`.
        value: 0 (bad) to 1 (good).
        source: how the case was selected.

    Raises:
        NotFound: there is no such dataset.
        BadInput: the value or the metric is invalid.
    """
    name = check_metric_name(metric)
    # NaN fails both comparisons.
    if not 0.0 <= value <= 1.0:
        raise BadInput(f"A label must be from 0 (bad) to 1 (good), not {value:g}.")
    label = NewLabel(case_sha256=case_sha256(input, answer), value=value, labeller=actor)
    with writing(engine) as connection:
        version = datasets.get_version(connection, dataset)
        before = _existing_values(connection, version.dataset, name, [label]).get((label.case_sha256, actor))
        store_labels(connection, dataset=version.dataset, metric=name, new_labels=[label], source=source)
        audit.record(
            connection,
            actor=actor,
            action="label.give",
            subject=f"{version.dataset}/{name}",
            before=None if before is None else {"case": label.case_sha256[:12], "value": before},
            after={"case": label.case_sha256[:12], "value": value, "source": source},
        )


def store_labels(
    connection: sa.Connection, *, dataset: str, metric: str, new_labels: Sequence[NewLabel], source: str
) -> tuple[int, int]:
    """Store labels; each replaces an earlier label of the same person for the same case.

    Returns:
        Numbers of new and of changed labels.
    """
    # The last of several labels of one person counts; PostgreSQL rejects an upsert with repeated keys.
    by_identity = {(label.case_sha256, label.labeller): label for label in new_labels}
    existing = _existing_values(connection, dataset, metric, new_labels)
    at = now()
    rows = [
        {
            "dataset": dataset,
            "case_sha256": label.case_sha256,
            "metric": metric,
            "value": label.value,
            "labeller": label.labeller,
            "source": source,
            "labelled_at": at,
        }
        # All imports insert in the same order, so that two of them cannot deadlock.
        for _, label in sorted(by_identity.items())
    ]
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        statement = insert(connection, human_label).values(rows[start : start + _ROWS_A_STATEMENT])
        changed = {name: statement.excluded[name] for name in ("value", "source", "labelled_at")}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["dataset", "case_sha256", "metric", "labeller"], set_=changed
            )
        )
    different = sum(existing[key] != label.value for key, label in by_identity.items() if key in existing)
    return len(by_identity) - len(existing), different


def list_labels(
    connection: sa.Connection, dataset: str, metric: str | None = None, *, limit: int | None = None
) -> list[Label]:
    """Labels of a dataset, newest first."""
    query = _select_labels(dataset, metric).order_by(
        human_label.c.labelled_at.desc(), human_label.c.id.desc()
    )
    return [build_record(Label, row) for row in connection.execute(query.limit(limit))]


def count_labels(connection: sa.Connection, dataset: str | None = None) -> list[LabelCount]:
    """Count labels by dataset and metric."""
    c = human_label.c
    query = sa.select(
        c.dataset,
        c.metric,
        sa.func.count(c.case_sha256.distinct()).label("cases"),
        sa.func.count().label("labels"),
        sa.func.count(c.labeller.distinct()).label("labellers"),
        sa.func.avg(c.value).label("mean"),
        sa.func.max(c.labelled_at).label("newest"),
    )
    if dataset is not None:
        query = query.where(c.dataset == dataset)
    query = query.group_by(c.dataset, c.metric).order_by(c.dataset, c.metric)
    return [LabelCount(**row) for row in connection.execute(query).mappings()]


def read_labels_by_case(connection: sa.Connection, dataset: str) -> dict[str, dict[str, CaseLabel]]:
    """Metric -> case hash -> its labels, combined."""
    labels_by_case: dict[tuple[str, str], list[Label]] = defaultdict(list)
    for row in connection.execute(_select_labels(dataset, None)):
        labels_by_case[row.metric, row.case_sha256].append(build_record(Label, row))
    by_metric: dict[str, dict[str, CaseLabel]] = defaultdict(dict)
    for (metric, case), case_labels in labels_by_case.items():
        by_metric[metric][case] = CaseLabel(
            value=sum(label.value for label in case_labels) / len(case_labels),
            labellers=len(case_labels),
            # One random label suffices; further labels only make it more precise.
            is_random=any(label.source != NEAREST for label in case_labels),
        )
    return dict(by_metric)


def _select_labels(dataset: str, metric: str | None) -> sa.Select[Any]:
    query = sa.select(human_label).where(human_label.c.dataset == dataset)
    return query if metric is None else query.where(human_label.c.metric == metric)


def _existing_values(
    connection: sa.Connection, dataset: str, metric: str, new_labels: Iterable[NewLabel]
) -> Mapping[tuple[str, str], float]:
    """(case hash, labeller) -> the stored value, for the pairs of `new_labels` that have one."""
    keys = {(label.case_sha256, label.labeller) for label in new_labels}
    cases = sorted({case for case, _ in keys})
    values: dict[tuple[str, str], float] = {}
    for start in range(0, len(cases), _ROWS_A_STATEMENT):
        chunk = cases[start : start + _ROWS_A_STATEMENT]
        for row in connection.execute(
            _select_labels(dataset, metric).where(human_label.c.case_sha256.in_(chunk))
        ):
            if (row.case_sha256, row.labeller) in keys:
                values[row.case_sha256, row.labeller] = row.value
    return values
