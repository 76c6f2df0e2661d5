"""The cases of a run as CSV: a row for each answer, a column for each metric, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from genaiops_core.evaluation.datasets.exports import formula_safe
from genaiops_core.evaluation.runs import case_scores, records
from genaiops_core.evaluation.runs.case_scores import CaseScores

_CASES_PER_PAGE = 500


def write_csv(connection: sa.Connection, id: str) -> Iterator[bytes]:
    """The lines of the file, in the order of the dataset; an undefined score is empty and its reason is said.

    Raises:
        NotFound: there is no such run.
    """
    metrics = records.get_evaluation(connection, id).metrics
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["case", "repetition", "input", "answer", "reference", *metrics, "reasons"])
    offset = 0
    while True:
        cases = case_scores.fetch_page(connection, id, limit=_CASES_PER_PAGE, offset=offset).cases
        for scored in cases:
            writer.writerows(_build_rows(scored, metrics))
        yield stream.getvalue().encode()
        stream.seek(0)
        stream.truncate()
        offset += _CASES_PER_PAGE
        if len(cases) < _CASES_PER_PAGE:
            return


def _build_rows(scored: CaseScores, metrics: Sequence[str]) -> Iterator[list[str | int | float]]:
    answers = {one.repetition: one.answer for one in scored.answers}
    units = {(one.repetition, one.metric): one for one in scored.scores}
    for repetition in sorted({one.repetition for one in scored.scores}):
        found = [units.get((repetition, metric)) for metric in metrics]
        reasons = "; ".join(f"{one.metric}: {one.reason}" for one in found if one and one.value is None)
        yield [
            scored.case_no,
            repetition,
            formula_safe(scored.case.input),
            formula_safe(answers.get(repetition, scored.case.answer) or ""),
            formula_safe(scored.case.reference or ""),
            *("" if one is None or one.value is None else one.value for one in found),
            formula_safe(reasons),
        ]
