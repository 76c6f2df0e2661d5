"""Labels from outside: a file with a label a row, and reviews of the requests that test cases were made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation, generated_answer, test_case
from db.tables.telemetry import score
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human.label_files import (
    LabelColumns,
    LabelRow,
    Scale,
    find_columns,
    read_labels,
)
from genaiops_core.evaluation.human.labels import Given, case_sha256, checked_metric, keep
from genaiops_core.evaluation.human.reviews import JUDGE
from genaiops_core.evaluation.readers.uploads import Problem, read_table

REVIEWED = "reviews of the request it was made from"
_CHUNK = 400


@dataclass(frozen=True, kw_only=True)
class LabelImport:
    """What came of a file."""

    dataset: str
    version: int
    metric: str
    columns: LabelColumns
    labels: int
    """Rows that became labels."""
    new: int
    changed: int
    rejected: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The cases of a version, and the answers that runs gave to them, by what a file can say."""

    by_number: Mapping[int, str]
    by_text: Mapping[tuple[str, str], str]
    by_input: Mapping[str, set[str]]


class _NoCase(Exception):
    """A row is of no case, or nobody knows of which."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def preview_labels(
    engine: sa.Engine,
    *,
    dataset: str,
    metric: str,
    data: bytes,
    filename: str,
    columns: Mapping[str, str] | None = None,
    scale: Scale | None = None,
    version: int | None = None,
) -> LabelImport:
    """What an import would do; nothing is stored, so `new` and `changed` are 0. Takes and raises what it does."""
    found, _ = _read(engine, dataset, version, metric, data, filename, columns, scale or Scale(), actor="")
    return found


def import_labels(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    metric: str,
    data: bytes,
    filename: str,
    columns: Mapping[str, str] | None = None,
    scale: Scale | None = None,
    version: int | None = None,
    reason: str = "",
) -> LabelImport:
    """Keep the labels of a file; rows that name no case are listed, the others are kept.

    Args:
        engine: the database.
        actor: who imports; the labeller where no column names one.
        dataset: whose cases were labelled.
        metric: what was labelled, for example `groundedness`.
        data: the whole file, in any format of `readers.read_table`.
        filename: its name; the ending tells the format.
        columns: any of label, case, input, answer, labeller -> column; others are recognised by their names.
        scale: what the labels mean; 0..1 and words such as yes and no when None.
        version: the version whose case numbers the file uses; the newest when None.
        reason: why, for the audit log.

    Raises:
        NotFound: no such dataset or version.
        BadInput: the file cannot be read, a column is missing, not one row is a label of a case, or most labels do
            not fit the scale.
    """
    found, given = _read(
        engine, dataset, version, metric, data, filename, columns, scale or Scale(), actor=actor
    )
    if not given:
        first = found.problems[0] if found.problems else None
        where = f" Row {first.row}, {first.column}: {first.problem}." if first else ""
        raise BadInput(f"No row of {filename} is a label of a case of {dataset} v{found.version}.{where}")
    unread = [problem for problem in found.problems if problem.column == found.columns.label]
    if len(unread) > len(given):
        # The few that fit a wrong scale would turn it round: the worst of 1..5 is the best of 0..1.
        raise BadInput(
            f"{len(unread)} of {len(unread) + len(given)} labels of {filename} do not fit. Row {unread[0].row}, "
            f"{unread[0].column}: {unread[0].problem}. Give the scale (LOW..HIGH) or what each label means."
        )
    with writing(engine) as connection:
        new, changed = keep(
            connection, dataset=found.dataset, metric=found.metric, given=given, source=f"file {filename}"
        )
        audit.record(
            connection,
            actor=actor,
            action="label.import",
            subject=f"{found.dataset}/{found.metric}",
            reason=reason,
            after={"file": filename, "labels": found.labels, "new": new, "changed": changed},
        )
    return LabelImport(**{**vars(found), "new": new, "changed": changed})


def labels_from_reviews(engine: sa.Engine, *, actor: str, dataset: str, reason: str = "") -> dict[str, int]:
    """Carry over what reviewers said of the requests that cases of the newest version were made from.

    Returns:
        Metric -> labels that were new or changed.

    Raises:
        NotFound: there is no such dataset.
    """
    with writing(engine) as connection:
        version = datasets.get_version(connection, dataset)
        by_trace = {
            (str(case.metadata["trace_id"]), str(case.metadata.get("application", ""))): case
            for _, case in datasets.list_cases(connection, version.dataset, version.version)
            if case.metadata.get("trace_id")
        }
        given: dict[str, list[Given]] = defaultdict(list)
        traces = sorted({trace for trace, _ in by_trace})
        for start in range(0, len(traces), _CHUNK):
            is_one = score.c.trace_id.in_(traces[start : start + _CHUNK])
            query = sa.select(score).where(is_one, score.c.judge == JUDGE, score.c.value.is_not(None))
            for row in connection.execute(query):
                case = by_trace.get((row.trace_id, row.application)) or by_trace.get((row.trace_id, ""))
                if case is not None:
                    sha = case_sha256(case.input, case.answer)
                    given[row.metric].append(Given(case_sha256=sha, value=row.value, labeller="reviewers"))
        made = {}
        for metric, labels in sorted(given.items()):
            new, changed = keep(
                connection, dataset=version.dataset, metric=metric, given=labels, source=REVIEWED
            )
            made[metric] = new + changed
        if any(made.values()):
            audit.record(
                connection,
                actor=actor,
                action="label.from_reviews",
                subject=version.dataset,
                reason=reason,
                after=made,
            )
    return made


def _read(
    engine: sa.Engine,
    dataset: str,
    version: int | None,
    metric: str,
    data: bytes,
    filename: str,
    chosen: Mapping[str, str] | None,
    scale: Scale,
    *,
    actor: str,
) -> tuple[LabelImport, list[Given]]:
    name = checked_metric(metric)
    table = read_table(data, filename)
    columns = find_columns(table.columns, name, chosen)
    rows, problems = read_labels(table, columns, scale)
    with reading(engine) as connection:
        found = datasets.get_version(connection, dataset, version)
        known = _known(connection, found.dataset, found.version)
    given: list[Given] = []
    for row in rows:
        try:
            sha = _case_of(row, known)
        except _NoCase as error:
            where = getattr(columns, error.field)
            problems.append(Problem(row=row.row, column=where, problem=str(error)))
            continue
        given.append(Given(case_sha256=sha, value=row.value, labeller=(row.labeller or actor)[:200]))
    made = LabelImport(
        dataset=found.dataset,
        version=found.version,
        metric=name,
        columns=columns,
        labels=len(given),
        new=0,
        changed=0,
        rejected=table.rejected + len(problems) - len(table.problems),
        problems=tuple(sorted(problems, key=lambda problem: problem.row or 0)),
    )
    return made, given


def _known(connection: sa.Connection, dataset: str, version: int) -> _Known:
    by_number: dict[int, str] = {}
    by_text: dict[tuple[str, str], str] = {}
    by_input: dict[str, set[str]] = defaultdict(set)
    c = test_case.c
    query = sa.select(c.case_no, c.input, c.answer).where(c.dataset == dataset, c.version == version)
    for number, asked, answer in connection.execute(query):
        by_number[number] = sha = case_sha256(asked, answer)
        by_text[_plain(asked), _plain(answer)] = sha
        by_input[_plain(asked)].add(sha)
    # An answer that a release gave in a run of this version may be labelled too.
    answers = (
        sa.select(c.input, generated_answer.c.answer)
        .join(evaluation, evaluation.c.id == generated_answer.c.evaluation_id)
        .join(
            test_case,
            sa.and_(
                c.dataset == evaluation.c.dataset,
                c.version == evaluation.c.version,
                c.case_no == generated_answer.c.case_no,
            ),
        )
        .where(evaluation.c.dataset == dataset, evaluation.c.version == version)
    )
    for asked, answer in connection.execute(answers):
        by_text.setdefault((_plain(asked), _plain(answer)), case_sha256(asked, answer))
    return _Known(by_number=by_number, by_text=by_text, by_input=by_input)


def _case_of(row: LabelRow, known: _Known) -> str:
    """The case a row is of; raises where none or several are."""
    if row.case_no is not None:
        sha = known.by_number.get(row.case_no)
        if sha is None:
            raise _NoCase("case", f"is {row.case_no}, but there are {len(known.by_number)} cases")
        return sha
    asked = _plain(row.input)
    if row.answer is not None:
        sha = known.by_text.get((asked, _plain(row.answer)))
        if sha is None:
            what = "answer" if asked in known.by_input else "input"
            raise _NoCase(what, f"no case has this {what}")
        return sha
    found = known.by_input.get(asked, set())
    if len(found) != 1:
        raise _NoCase(
            "input",
            f"{len(found)} cases with different answers have this input; add the answer or the case number"
            if found
            else "no case has this input",
        )
    return next(iter(found))


def _plain(text: str | None) -> str:
    """Text without the differences in space that copying makes."""
    return " ".join((text or "").split())
