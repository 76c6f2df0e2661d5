"""The cases of a run, a page at a time: found and ordered by the database, so that ten thousand cost no more than ten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, generated_answer, judge_call, test_case
from genaiops_core.errors import NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.runs import records

ONLY = ("undefined", "failed")
"""What a list can be narrowed to: cases with a metric that has no value, or whose judge or target failed."""


@dataclass(frozen=True, kw_only=True)
class UnitScore:
    """One metric of one answer: its value, or why there is none, and what it took."""

    metric: str
    repetition: int
    value: float | None
    reason: str
    is_failed: bool
    cost_nano_usd: int | None
    """None when a call of it has no known price."""
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a target answered to a case, or why it did not."""

    repetition: int
    answer: str | None
    contexts: tuple[str, ...] | None
    problem: str
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None


@dataclass(frozen=True, kw_only=True)
class CaseScores:
    """A case with its texts and every score it has so far."""

    case_no: int
    case: Case
    scores: tuple[UnitScore, ...]
    answers: tuple[Answer, ...]
    """By repetition; empty when the answers of the dataset were scored."""

    def mean(self, metric: str) -> float | None:
        """Over the repetitions that have a value; None when none has."""
        values = [one.value for one in self.scores if one.metric == metric and one.value is not None]
        return sum(values) / len(values) if values else None


@dataclass(frozen=True, kw_only=True)
class CasePage:
    """Some cases, and how many there are."""

    total: int
    cases: tuple[CaseScores, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a judge's model said in one call."""

    metric: str
    repetition: int
    text: str
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """Everything a run knows of one case."""

    scored: CaseScores
    explanations: tuple[Explanation, ...]
    """In the order they were asked; empty when the judge asks no model."""


def fetch_page(
    connection: sa.Connection,
    id: str,
    *,
    worst_by: str | None = None,
    is_high_worst: bool = False,
    only: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> CasePage:
    """Scored cases of a run.

    Args:
        id: of the run.
        worst_by: the metric whose worst repetition orders the cases; None keeps the order of the dataset. Cases
            without a value come last, because they are not known to be bad.
        is_high_worst: whether the metric is one where more is worse.
        only: one of `ONLY`.
        limit: cases at most.
        offset: cases left out from the front.

    Raises:
        NotFound: there is no such run.
    """
    run = records.get_evaluation(connection, id)
    score = evaluation_score.c
    query = sa.select(score.case_no).where(score.evaluation_id == id)
    if only == "failed":
        query = query.where(score.is_failed)
    elif only == "undefined":
        query = query.where(score.value.is_(None))
    if worst_by is not None and only is not None:
        matching = query.distinct()
        query = sa.select(score.case_no).where(score.evaluation_id == id, score.case_no.in_(matching))
    query = query.group_by(score.case_no)
    total = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    if worst_by is not None:
        # A case may have other metrics and not this one, so the metric chooses values, not rows.
        value = sa.case((score.metric == worst_by, score.value))
        worst = sa.func.max(value) if is_high_worst else sa.func.min(value)
        query = query.order_by(worst.is_(None), worst.desc() if is_high_worst else worst)
    rows = connection.execute(query.order_by(score.case_no).limit(limit).offset(offset))
    return CasePage(total=total, cases=_fetch_scored_cases(connection, run, [row.case_no for row in rows]))


def fetch_record(connection: sa.Connection, id: str, case_no: int) -> CaseRecord:
    """One case of a run with what the judge said of it.

    Raises:
        NotFound: there is no such run, or it has no score of this case.
    """
    cases = _fetch_scored_cases(connection, records.get_evaluation(connection, id), [case_no])
    if not cases:
        raise NotFound(f"Evaluation {id} has no score of case {case_no}.")
    return CaseRecord(scored=cases[0], explanations=_fetch_explanations(connection, id, case_no))


def _fetch_scored_cases(
    connection: sa.Connection, run: records.Evaluation, numbers: Sequence[int]
) -> tuple[CaseScores, ...]:
    texts = sa.select(test_case).where(
        test_case.c.dataset == run.dataset,
        test_case.c.version == run.version,
        test_case.c.case_no.in_(numbers),
    )
    cases = {row.case_no: datasets.case_of(row) for row in connection.execute(texts)}
    scores: dict[int, list[UnitScore]] = {number: [] for number in numbers}
    query = (
        sa.select(evaluation_score)
        .where(evaluation_score.c.evaluation_id == run.id, evaluation_score.c.case_no.in_(numbers))
        .order_by(evaluation_score.c.case_no, evaluation_score.c.metric, evaluation_score.c.repetition)
    )
    for row in connection.execute(query):
        scores[row.case_no].append(
            UnitScore(
                metric=row.metric,
                repetition=row.repetition,
                value=row.value,
                reason=row.reason,
                is_failed=row.is_failed,
                cost_nano_usd=row.cost_nano_usd,
                latency_ms=row.latency_ms,
            )
        )
    answers = _fetch_answers(connection, run.id, numbers)
    return tuple(
        CaseScores(
            case_no=number,
            case=cases[number],
            scores=tuple(scores[number]),
            answers=tuple(answers.get(number, ())),
        )
        for number in numbers
        if scores[number]
    )


def _fetch_answers(connection: sa.Connection, id: str, numbers: Sequence[int]) -> dict[int, list[Answer]]:
    query = (
        sa.select(generated_answer)
        .where(generated_answer.c.evaluation_id == id, generated_answer.c.case_no.in_(numbers))
        .order_by(generated_answer.c.case_no, generated_answer.c.repetition)
    )
    answers: dict[int, list[Answer]] = defaultdict(list)
    for row in connection.execute(query):
        answers[row.case_no].append(
            Answer(
                repetition=row.repetition,
                answer=row.answer,
                contexts=None if row.contexts is None else tuple(row.contexts),
                problem=row.problem,
                latency_ms=row.latency_ms,
                input_tokens=row.input_tokens,
                output_tokens=row.output_tokens,
                cost_nano_usd=row.cost_nano_usd,
            )
        )
    return answers


def _fetch_explanations(connection: sa.Connection, id: str, case_no: int) -> tuple[Explanation, ...]:
    query = (
        sa.select(judge_call)
        .where(judge_call.c.evaluation_id == id, judge_call.c.case_no == case_no)
        .order_by(judge_call.c.metric, judge_call.c.repetition, judge_call.c.called_at)
    )
    return tuple(
        Explanation(
            metric=row.metric,
            repetition=row.repetition,
            text=str(row.reply["text"]),
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost_nano_usd=row.cost_nano_usd,
            latency_ms=row.latency_ms,
        )
        for row in connection.execute(query)
        # An embedding says nothing that a person could read.
        if "text" in row.reply
    )
