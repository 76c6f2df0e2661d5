"""The answers that a run scored, with the judge's value and what people say of each: the ground of agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, generated_answer, test_case
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.human import labels
from genaiops_core.evaluation.human.agreement import DEFAULT_CUT, JudgeAgreement, Pair, agree
from genaiops_core.evaluation.human.label_metrics import match
from genaiops_core.evaluation.human.labels import Labelled, case_sha256

ORDERS = ("random", "nearest")
"""How cases to label are put before a person."""

_LOOKED_BACK = 200
"""Runs of a dataset, newest first, among which the newest of each judge is sought."""


@dataclass(frozen=True, kw_only=True)
class JudgedAnswer:
    """One answer of a run. Where a run repeats its cases, only the first repetition counts: the others are no cases."""

    case_no: int
    case_sha256: str
    input: str
    answer: str | None
    values: Mapping[str, float]
    """Metric -> value of the judge; metrics without a value are left out."""


def judged_answers(connection: sa.Connection, run: runs.Evaluation) -> list[JudgedAnswer]:
    """The answers a run scored so far, in the order of the dataset."""
    s, c, g = evaluation_score.c, test_case.c, generated_answer.c
    scored: dict[int, dict[str, float]] = {}
    query = sa.select(s.case_no, s.metric, s.value).where(
        s.evaluation_id == run.id, s.repetition == 1, s.value.is_not(None)
    )
    for number, metric, value in connection.execute(query):
        scored.setdefault(number, {})[metric] = value
    answers = sa.select(g.case_no, g.answer).where(g.evaluation_id == run.id, g.repetition == 1)
    generated: dict[int, str | None] = {row.case_no: row.answer for row in connection.execute(answers)}
    texts = (
        sa.select(c.case_no, c.input, c.answer)
        .where(c.dataset == run.dataset, c.version == run.version)
        .order_by(c.case_no)
    )
    found = []
    for number, asked, written in connection.execute(texts):
        if number in scored:
            answer = generated.get(number, written)
            found.append(
                JudgedAnswer(
                    case_no=number,
                    case_sha256=case_sha256(asked, answer),
                    input=asked,
                    answer=answer,
                    values=scored[number],
                )
            )
    return found


def agreement_of_run(
    connection: sa.Connection,
    identifier: str,
    *,
    chosen: Mapping[str, str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> list[JudgeAgreement]:
    """How far the judge of a run agrees with people, metric by metric; metrics without a label or a value are left out.

    Args:
        connection: best a `reading` snapshot.
        identifier: of the evaluation.
        chosen: metric -> label it is held against, over the defaults of `label_metrics`.
        cuts: metric -> value from which on the judge finds a case good; the gate's threshold where there is one, else
            0.5.

    Raises:
        NotFound: there is no such evaluation.
        BadInput: a label that was chosen does not exist.
    """
    run = runs.get(connection, identifier)
    said = labels.by_case(connection, run.dataset)
    _require(chosen, said)
    answers = judged_answers(connection, run) if said else []
    found = []
    for metric in run.metrics:
        matched = match(metric, said, chosen)
        if matched is None:
            continue
        pairs, others = paired(answers, metric, said[matched.label])
        if not pairs and not others:
            continue
        cut = (cuts or {}).get(metric, cut_of(run, metric))
        found.append(agree(matched, run.judge, pairs, others, cut=cut))
    return found


def agreement_of_dataset(
    connection: sa.Connection,
    dataset: str,
    version: int,
    *,
    chosen: Mapping[str, str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> list[JudgeAgreement]:
    """The same over a dataset version: of each judge its newest finished run, so that no case counts twice."""
    newest: dict[str, str] = {}
    for run in runs.list_evaluations(connection, dataset=dataset, limit=_LOOKED_BACK):
        if run.version == version and run.state == "finished":
            newest.setdefault(run.judge, run.id)
    return [
        one
        for _, identifier in sorted(newest.items())
        for one in agreement_of_run(connection, identifier, chosen=chosen, cuts=cuts)
    ]


def to_label(
    connection: sa.Connection,
    identifier: str,
    *,
    label: str,
    labeller: str,
    order: str = "random",
    metric: str = "",
    limit: int = 20,
) -> list[JudgedAnswer]:
    """What a person should label next of a run.

    In random order the labelled cases are a random sample of all, as the corrected mean needs; the order is the same
    for everybody, so that two people rate the same cases. `nearest` puts those first whose value of `metric` lies
    nearest to its cut: most telling of where judge and people part, and left out of the corrected mean. A case that
    was labelled as one of the nearest comes again in its random turn.

    Args:
        connection: best a `reading` snapshot.
        identifier: of the evaluation.
        label: what is labelled, for example `groundedness`.
        labeller: who; cases that they labelled are left out.
        order: one of `ORDERS`.
        metric: whose values `nearest` looks at.
        limit: cases at most.
    """
    if order not in ORDERS:
        raise BadInput(f"There is no order '{order}'; use one of {', '.join(ORDERS)}.")
    run = runs.get(connection, identifier)
    is_random = order == "random"
    done = {
        one.case_sha256
        for one in labels.list_labels(connection, run.dataset, label)
        if one.labeller == labeller and not (is_random and one.source == labels.NEAREST)
    }
    waiting = [one for one in judged_answers(connection, run) if one.case_sha256 not in done]
    if is_random:
        waiting.sort(key=lambda one: hashlib.sha256(f"{label}/{one.case_sha256}".encode()).digest())
    else:
        cut = cut_of(run, metric)
        waiting = [one for one in waiting if metric in one.values]
        waiting.sort(key=lambda one: abs(one.values[metric] - cut))
    return waiting[:limit]


def paired(
    answers: Sequence[JudgedAnswer], metric: str, said: Mapping[str, Labelled]
) -> tuple[list[Pair], list[float]]:
    """The cases that judge and people both speak of, and the judge's values of the others."""
    pairs: list[Pair] = []
    others: list[float] = []
    for one in answers:
        value = one.values.get(metric)
        if value is None:
            continue
        label = said.get(one.case_sha256)
        if label is None:
            others.append(value)
            continue
        pairs.append(Pair(case=str(one.case_no), judge=value, human=label.value, is_random=label.is_random))
    return pairs, others


def cut_of(run: runs.Evaluation, metric: str) -> float:
    """From which value on this run takes a case for good: its gate's threshold, else the middle."""
    entry = ((run.results or {}).get("metrics") or {}).get(metric) or {}
    threshold = entry.get("threshold", (run.config.get("minimums") or {}).get(metric))
    return DEFAULT_CUT if threshold is None else float(threshold)


def _require(chosen: Mapping[str, str] | None, known: Mapping[str, object]) -> None:
    for metric, label in (chosen or {}).items():
        if label and label not in known:
            there = ", ".join(sorted(known)) or "none yet"
            raise BadInput(f"{metric} cannot be held against '{label}': there are labels of {there}.")


def contexts_of(connection: sa.Connection, run: runs.Evaluation, case_no: int) -> tuple[str, ...] | None:
    """The texts that the answer to a case was made from; None where none are told."""
    g, c = generated_answer.c, test_case.c
    generated = connection.execute(
        sa.select(g.contexts).where(g.evaluation_id == run.id, g.case_no == case_no, g.repetition == 1)
    ).first()
    if generated is not None and generated.contexts is not None:
        return tuple(generated.contexts)
    written = connection.scalar(
        sa.select(c.contexts).where(c.dataset == run.dataset, c.version == run.version, c.case_no == case_no)
    )
    return None if written is None else tuple(written)
