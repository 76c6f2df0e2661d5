"""The scored cases of an evaluation: pages filtered and ordered by the database, one case in full, and a CSV file."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, generated_answer, judge_call, test_case
from genaiops_core.errors import NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.runs.evaluation import Evaluation, get_evaluation
from genaiops_core.formulas import escape_formula
from genaiops_core.rows import build_record

SCORE_FILTERS = ("undefined", "failed")
"""Filters of a page: cases with a metric that has no value, or whose judge or target failed."""

_CASES_PER_CSV_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class UnitScore:
    """One metric of one answer: its value, or why there is none, with cost and latency."""

    metric: str
    repetition: int
    value: float | None
    reason: str
    is_failed: bool
    cost_nano_usd: int | None
    """None when one of its calls has no known price."""
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of a target to a case, or why there is none."""

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
    """A case with its texts and its scores so far."""

    case_no: int
    case: Case
    scores: tuple[UnitScore, ...]
    answers: tuple[Answer, ...]
    """By repetition; empty when the answers of the dataset were scored."""

    def mean(self, metric: str) -> float | None:
        """Mean over the repetitions that have a value; None when none has."""
        values = [score.value for score in self.scores if score.metric == metric and score.value is not None]
        return sum(values) / len(values) if values else None


@dataclass(frozen=True, kw_only=True)
class CasePage:
    """A page of cases and their total number."""

    total: int
    cases: tuple[CaseScores, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The reply of a judge's model to one call."""

    metric: str
    repetition: int
    text: str
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """One case of an evaluation with its scores, answers and explanations."""

    scored: CaseScores
    explanations: tuple[Explanation, ...]
    """In the order of the calls; empty when the judge calls no model."""


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
    """A page of the scored cases of an evaluation.

    Args:
        connection: of the database.
        id: of the evaluation.
        worst_by: the metric whose worst repetition orders the cases; None keeps the order of the dataset. Cases
            without a value come last, because they are not known to be bad.
        is_high_worst: whether a high value of the metric is bad.
        only: one of `SCORE_FILTERS`.
        limit: the maximum number of cases.
        offset: the number of cases to skip.

    Raises:
        NotFound: there is no such evaluation.
    """
    run = get_evaluation(connection, id)
    score = evaluation_score.c
    query = sa.select(score.case_no).where(score.evaluation_id == id)
    if only == "failed":
        query = query.where(score.is_failed)
    elif only == "undefined":
        query = query.where(score.value.is_(None))
    if worst_by is not None and only is not None:
        # The filter selects cases, but the order needs all scores of those cases.
        matching = query.distinct()
        query = sa.select(score.case_no).where(score.evaluation_id == id, score.case_no.in_(matching))
    query = query.group_by(score.case_no)
    total = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    if worst_by is not None:
        # A case may have other metrics but not this one, so the metric selects values instead of rows.
        value = sa.case((score.metric == worst_by, score.value))
        worst = sa.func.max(value) if is_high_worst else sa.func.min(value)
        # SQLite sorts NULL first and PostgreSQL last; the first key puts it last in both.
        query = query.order_by(worst.is_(None), worst.desc() if is_high_worst else worst)
    rows = connection.execute(query.order_by(score.case_no).limit(limit).offset(offset))
    return CasePage(total=total, cases=_fetch_cases(connection, run, [row.case_no for row in rows]))


def fetch_case(connection: sa.Connection, id: str, case_no: int) -> CaseRecord:
    """One case of an evaluation with the explanations of the judge.

    Raises:
        NotFound: there is no such evaluation, or it has no score of this case.
    """
    cases = _fetch_cases(connection, get_evaluation(connection, id), [case_no])
    if not cases:
        raise NotFound(f"Evaluation {id} has no score of case {case_no}.")
    return CaseRecord(scored=cases[0], explanations=_fetch_explanations(connection, id, case_no))


def write_csv(connection: sa.Connection, id: str) -> Iterator[bytes]:
    """A CSV file in the order of the dataset: a row per answer, a column per metric; formulas are escaped.

    An undefined score is an empty cell, and its reason is in the last column.

    Raises:
        NotFound: there is no such evaluation.
    """
    metrics = get_evaluation(connection, id).metrics
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(
        ["case", "repetition", "input", "answer", "reference", *map(escape_formula, metrics), "reasons"]
    )
    offset = 0
    while True:
        cases = fetch_page(connection, id, limit=_CASES_PER_CSV_PAGE, offset=offset).cases
        for case in cases:
            writer.writerows(_build_csv_rows(case, metrics))
        yield stream.getvalue().encode()
        stream.seek(0)
        stream.truncate()
        offset += _CASES_PER_CSV_PAGE
        if len(cases) < _CASES_PER_CSV_PAGE:
            return


def _build_csv_rows(scored: CaseScores, metrics: Sequence[str]) -> Iterator[list[str | int | float]]:
    answers = {answer.repetition: answer.answer for answer in scored.answers}
    scores = {(score.repetition, score.metric): score for score in scored.scores}
    for repetition in sorted({score.repetition for score in scored.scores}):
        by_metric = [scores.get((repetition, metric)) for metric in metrics]
        reasons = "; ".join(
            f"{score.metric}: {score.reason}" for score in by_metric if score and score.value is None
        )
        yield [
            scored.case_no,
            repetition,
            escape_formula(scored.case.input),
            escape_formula(answers.get(repetition, scored.case.answer) or ""),
            escape_formula(scored.case.reference or ""),
            *("" if score is None or score.value is None else score.value for score in by_metric),
            escape_formula(reasons),
        ]


def _fetch_cases(
    connection: sa.Connection, run: Evaluation, numbers: Sequence[int]
) -> tuple[CaseScores, ...]:
    """The cases of these numbers that have a score, in the order of `numbers`."""
    texts = sa.select(test_case).where(
        test_case.c.dataset == run.dataset,
        test_case.c.version == run.version,
        test_case.c.case_no.in_(numbers),
    )
    cases = {row.case_no: datasets.build_case(row) for row in connection.execute(texts)}
    scores: dict[int, list[UnitScore]] = {number: [] for number in numbers}
    query = (
        sa.select(evaluation_score)
        .where(evaluation_score.c.evaluation_id == run.id, evaluation_score.c.case_no.in_(numbers))
        .order_by(evaluation_score.c.case_no, evaluation_score.c.metric, evaluation_score.c.repetition)
    )
    for row in connection.execute(query):
        scores[row.case_no].append(build_record(UnitScore, row))
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
        contexts = None if row.contexts is None else tuple(row.contexts)
        answers[row.case_no].append(build_record(Answer, row, contexts=contexts))
    return answers


def _fetch_explanations(connection: sa.Connection, id: str, case_no: int) -> tuple[Explanation, ...]:
    query = (
        sa.select(judge_call)
        .where(judge_call.c.evaluation_id == id, judge_call.c.case_no == case_no)
        .order_by(judge_call.c.metric, judge_call.c.repetition, judge_call.c.called_at)
    )
    return tuple(
        build_record(Explanation, row, text=str(row.reply["text"]))
        for row in connection.execute(query)
        # Embeddings and failed calls have no text.
        if "text" in row.reply
    )
