"""Scored answers of an evaluation, paired with human labels: the input of judge-human agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.human import labels
from genaiops_core.evaluation.human.agreement import DEFAULT_CUT, JudgeAgreement, Pair, measure_agreement
from genaiops_core.evaluation.human.label_metrics import match_label
from genaiops_core.evaluation.human.labels import CaseLabel, case_sha256
from genaiops_core.evaluation.runs import results
from genaiops_core.evaluation.verdicts.answer_figures import GeneratedAnswer, load_answers

ORDERS = ("random", "nearest")
"""Orders in which a labeller gets the cases."""

_MAX_RUNS = 200
"""The newest evaluations of a dataset, among which the newest of each judge is selected."""


@dataclass(frozen=True, kw_only=True)
class ScoredAnswer:
    """One answer of an evaluation; of repeated cases the first repetition only."""

    case_no: int
    case_sha256: str
    input: str
    answer: str | None
    values: Mapping[str, float]
    """Metric -> judge score; undefined metrics are absent."""


def read_scored_answers(connection: sa.Connection, run: runs.Evaluation) -> list[ScoredAnswer]:
    """The answers that an evaluation has scored so far, in the order of the dataset."""
    # One repetition per case: several answers to one case are not independent observations.
    units = results.fetch_units(connection, run.id, repetition=1)
    generated = _read_generated(connection, run)
    scored_answers = []
    for number, input, dataset_answer in datasets.list_texts(connection, run.dataset, run.version):
        values = {
            metric: unit.value
            for metric, (unit, *_) in units.get(number, {}).items()
            if unit.value is not None
        }
        if values:
            answer = generated[number].answer if number in generated else dataset_answer
            scored_answers.append(
                ScoredAnswer(
                    case_no=number,
                    case_sha256=case_sha256(input, answer),
                    input=input,
                    answer=answer,
                    values=values,
                )
            )
    return scored_answers


def read_run_agreement(
    connection: sa.Connection,
    identifier: str,
    *,
    chosen: Mapping[str, str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> list[JudgeAgreement]:
    """Judge-human agreement of an evaluation by metric; metrics without a label or a score are absent.

    Args:
        connection: preferably a `reading` snapshot.
        identifier: of the evaluation.
        chosen: metric -> label to compare it with; overrides the defaults of `label_metrics`.
        cuts: metric -> judge score from which a case counts as good; by default the gate's threshold, else 0.5.

    Raises:
        NotFound: there is no such evaluation.
        BadInput: a label of `chosen` does not exist.
    """
    run = runs.get(connection, identifier)
    labels_by_metric = labels.read_labels_by_case(connection, run.dataset)
    _check_labels_exist(chosen, labels_by_metric)
    answers = read_scored_answers(connection, run) if labels_by_metric else []
    agreements = []
    for metric in run.metrics:
        label_match = match_label(metric, labels_by_metric, chosen)
        if label_match is None:
            continue
        pairs, others = pair_with_labels(answers, metric, labels_by_metric[label_match.label])
        if not pairs and not others:
            continue
        cut = (cuts or {}).get(metric, find_cut(run, metric))
        agreements.append(measure_agreement(label_match, run.judge, pairs, others, cut=cut))
    return agreements


def read_dataset_agreement(
    connection: sa.Connection,
    dataset: str,
    version: int,
    *,
    chosen: Mapping[str, str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> list[JudgeAgreement]:
    """Agreement over a dataset version: the newest finished evaluation of each judge, so that no case counts twice."""
    newest: dict[str, str] = {}
    for run in runs.list_evaluations(connection, dataset=dataset, limit=_MAX_RUNS):
        if run.version == version and run.state == "finished":
            # Evaluations are listed newest first, so the first of a judge is its newest.
            newest.setdefault(run.judge, run.id)
    return [
        agreement
        for _, identifier in sorted(newest.items())
        for agreement in read_run_agreement(connection, identifier, chosen=chosen, cuts=cuts)
    ]


def next_to_label(
    connection: sa.Connection,
    identifier: str,
    *,
    label: str,
    labeller: str,
    order: str = "random",
    metric: str = "",
    limit: int = 20,
) -> list[ScoredAnswer]:
    """The next answers that a labeller should label.

    In random order the labelled cases are a random sample, which the corrected mean requires. The order is the same
    for all labellers, so that two people rate the same cases. `nearest` starts with the cases whose score is closest
    to the cut: they show best where judge and humans disagree, and the corrected mean excludes them. A case that was
    labelled in the order `nearest` appears again in random order.

    Args:
        connection: preferably a `reading` snapshot.
        identifier: of the evaluation.
        label: the labelled criterion, for example `groundedness`.
        labeller: their labelled cases are excluded.
        order: one of `ORDERS`.
        metric: the scores that `nearest` uses.
        limit: the maximum number of cases.
    """
    if order not in ORDERS:
        raise BadInput(f"There is no order '{order}'; use one of {', '.join(ORDERS)}.")
    run = runs.get(connection, identifier)
    is_random = order == "random"
    done = {
        label_row.case_sha256
        for label_row in labels.list_labels(connection, run.dataset, label)
        if label_row.labeller == labeller and not (is_random and label_row.source == labels.NEAREST)
    }
    unlabelled = [answer for answer in read_scored_answers(connection, run) if answer.case_sha256 not in done]
    if is_random:
        # A hash instead of random numbers: every labeller gets the same order, in every session.
        unlabelled.sort(key=lambda answer: hashlib.sha256(f"{label}/{answer.case_sha256}".encode()).digest())
    else:
        cut = find_cut(run, metric)
        unlabelled = [answer for answer in unlabelled if metric in answer.values]
        unlabelled.sort(key=lambda answer: abs(answer.values[metric] - cut))
    return unlabelled[:limit]


def pair_with_labels(
    answers: Sequence[ScoredAnswer], metric: str, labels_by_case: Mapping[str, CaseLabel]
) -> tuple[list[Pair], list[float]]:
    """The cases with a judge score and a label, and the judge scores of the other cases."""
    pairs: list[Pair] = []
    others: list[float] = []
    for answer in answers:
        value = answer.values.get(metric)
        if value is None:
            continue
        label = labels_by_case.get(answer.case_sha256)
        if label is None:
            others.append(value)
            continue
        pairs.append(
            Pair(case=str(answer.case_no), judge=value, human=label.value, is_random=label.is_random)
        )
    return pairs, others


def find_cut(run: runs.Evaluation, metric: str) -> float:
    """The score from which a case counts as good: the threshold of the gate, else 0.5."""
    entry = ((run.results or {}).get("metrics") or {}).get(metric) or {}
    threshold = entry.get("threshold", (run.config.get("minimums") or {}).get(metric))
    return DEFAULT_CUT if threshold is None else float(threshold)


def _check_labels_exist(chosen: Mapping[str, str] | None, known: Mapping[str, object]) -> None:
    for metric, label in (chosen or {}).items():
        if label and label not in known:
            existing_labels = ", ".join(sorted(known)) or "none"
            raise BadInput(f"{metric} cannot be compared with '{label}'; the labels are: {existing_labels}.")


def read_contexts(connection: sa.Connection, run: runs.Evaluation, case_no: int) -> tuple[str, ...] | None:
    """The contexts of the answer to a case; None when they are unknown."""
    generated = _read_generated(connection, run, case_no=case_no).get(case_no)
    if generated is not None and generated.contexts is not None:
        return tuple(generated.contexts)
    case = datasets.load_cases(connection, run.dataset, run.version, [case_no]).get(case_no)
    return None if case is None or case.contexts is None else tuple(case.contexts)


def _read_generated(
    connection: sa.Connection, run: runs.Evaluation, *, case_no: int | None = None
) -> dict[int, GeneratedAnswer]:
    """Case number -> the answer of its first repetition."""
    answers = load_answers(connection, run.id, case_no=case_no)
    return {
        number: answer
        for number, case_answers in answers.items()
        for answer in case_answers
        if answer.repetition == 1
    }
