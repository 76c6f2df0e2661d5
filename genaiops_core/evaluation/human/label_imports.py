"""Imports human labels: from a file with one label per row, and from reviews of production requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

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
from genaiops_core.evaluation.human.labels import NewLabel, case_sha256, check_metric_name, store_labels
from genaiops_core.evaluation.human.reviews import JUDGE
from genaiops_core.evaluation.readers.uploads import Problem, read_table
from genaiops_core.evaluation.runs import results
from genaiops_core.telemetry import scores

FROM_REVIEWS = "reviews of the request it was made from"


@dataclass(frozen=True, kw_only=True)
class LabelImport:
    """The result of an import."""

    dataset: str
    version: int
    metric: str
    columns: LabelColumns
    labels: int
    """Rows with a valid label."""
    new: int
    changed: int
    rejected: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class _CaseIndex:
    """Hashes of the cases of a version, and of the answers of its evaluations, by the keys that a file may have."""

    by_number: Mapping[int, str]
    by_text: Mapping[tuple[str, str], str]
    by_input: Mapping[str, set[str]]


class _CaseNotFound(Exception):
    """A row matches no case, or several."""

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
    """Preview an import: nothing is stored, so `new` and `changed` are 0. Arguments and errors as `import_labels`."""
    preview, _ = _read(engine, dataset, version, metric, data, filename, columns, scale or Scale(), actor="")
    return preview


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
    """Import the labels of a file; rows that match no case are listed, the others are stored.

    Args:
        engine: the database.
        actor: the user; the labeller of rows without one.
        dataset: the dataset of the labelled cases.
        metric: the labelled criterion, for example `groundedness`.
        data: the whole file, in any format of `readers.read_table`.
        filename: its extension indicates the format.
        columns: any of label, case, input, answer, labeller -> column; the others are recognised by name.
        scale: of the labels; None is 0..1 with words such as yes and no.
        version: of the case numbers; None means the newest.
        reason: for the audit log.

    Raises:
        NotFound: no such dataset or version.
        BadInput: the file cannot be read, a column is missing, no row is a label of a case, or most labels are not
            on the scale.
    """
    preview, new_labels = _read(
        engine, dataset, version, metric, data, filename, columns, scale or Scale(), actor=actor
    )
    if not new_labels:
        first = preview.problems[0] if preview.problems else None
        where = f" Row {first.row}, {first.column}: {first.problem}." if first else ""
        raise BadInput(f"No row of {filename} is a label of a case of {dataset} v{preview.version}.{where}")
    unread = [problem for problem in preview.problems if problem.column == preview.columns.label]
    if len(unread) > len(new_labels):
        # The few labels that fit a wrong scale would be reversed: the worst of 1..5 is the best of 0..1.
        raise BadInput(
            f"{len(unread)} of {len(unread) + len(new_labels)} labels of {filename} are not on the scale. Row {unread[0].row}, "
            f"{unread[0].column}: {unread[0].problem}. Give the scale (LOW..HIGH) or the value of each label."
        )
    with writing(engine) as connection:
        new, changed = store_labels(
            connection,
            dataset=preview.dataset,
            metric=preview.metric,
            new_labels=new_labels,
            source=f"file {filename}",
        )
        audit.record(
            connection,
            actor=actor,
            action="label.import",
            subject=f"{preview.dataset}/{preview.metric}",
            reason=reason,
            after={"file": filename, "labels": preview.labels, "new": new, "changed": changed},
        )
    return LabelImport(**{**vars(preview), "new": new, "changed": changed})


def labels_from_reviews(engine: sa.Engine, *, actor: str, dataset: str, reason: str = "") -> dict[str, int]:
    """Copy the reviews of production requests to the cases that were created from them, in the newest version.

    Returns:
        Metric -> number of new and changed labels.

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
        new_labels: dict[str, list[NewLabel]] = defaultdict(list)
        traces = sorted({trace for trace, _ in by_trace})
        for score in scores.fetch_scores(connection, traces):
            # Cases of imported files may lack the application.
            case = by_trace.get((score.trace_id, score.application)) or by_trace.get((score.trace_id, ""))
            if case is not None and score.judge == JUDGE and score.value is not None:
                sha = case_sha256(case.input, case.answer)
                new_labels[score.metric].append(
                    NewLabel(case_sha256=sha, value=score.value, labeller="reviewers")
                )
        changes_by_metric = {}
        for metric, labels in sorted(new_labels.items()):
            new, changed = store_labels(
                connection, dataset=version.dataset, metric=metric, new_labels=labels, source=FROM_REVIEWS
            )
            changes_by_metric[metric] = new + changed
        if any(changes_by_metric.values()):
            audit.record(
                connection,
                actor=actor,
                action="label.from_reviews",
                subject=version.dataset,
                reason=reason,
                after=changes_by_metric,
            )
    return changes_by_metric


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
) -> tuple[LabelImport, list[NewLabel]]:
    name = check_metric_name(metric)
    table = read_table(data, filename)
    columns = find_columns(table.columns, name, chosen)
    rows, problems = read_labels(table, columns, scale)
    # The file is parsed before, so that a large one holds no snapshot of the database.
    with reading(engine) as connection:
        dataset_version = datasets.get_version(connection, dataset, version)
        case_index = _build_case_index(connection, dataset_version.dataset, dataset_version.version)
    new_labels: list[NewLabel] = []
    for row in rows:
        try:
            sha = _find_case(row, case_index)
        except _CaseNotFound as error:
            where = getattr(columns, error.field)
            problems.append(Problem(row=row.row, column=where, problem=str(error)))
            continue
        new_labels.append(NewLabel(case_sha256=sha, value=row.value, labeller=(row.labeller or actor)[:200]))
    preview = LabelImport(
        dataset=dataset_version.dataset,
        version=dataset_version.version,
        metric=name,
        columns=columns,
        labels=len(new_labels),
        new=0,
        changed=0,
        rejected=table.rejected + len(problems) - len(table.problems),
        problems=tuple(sorted(problems, key=lambda problem: problem.row or 0)),
    )
    return preview, new_labels


def _build_case_index(connection: sa.Connection, dataset: str, version: int) -> _CaseIndex:
    by_number: dict[int, str] = {}
    by_text: dict[tuple[str, str], str] = {}
    by_input: dict[str, set[str]] = defaultdict(set)
    inputs: dict[int, str] = {}
    for number, input, answer in datasets.list_texts(connection, dataset, version):
        inputs[number] = input
        by_number[number] = sha = case_sha256(input, answer)
        by_text[_squeeze_spaces(input), _squeeze_spaces(answer)] = sha
        by_input[_squeeze_spaces(input)].add(sha)
    # Generated answers of evaluations of this version may be labelled too.
    for number, answer in results.list_generated_texts(connection, dataset, version):
        input = inputs[number]
        by_text.setdefault((_squeeze_spaces(input), _squeeze_spaces(answer)), case_sha256(input, answer))
    return _CaseIndex(by_number=by_number, by_text=by_text, by_input=by_input)


def _find_case(row: LabelRow, case_index: _CaseIndex) -> str:
    """The hash of the case of a row; raises `_CaseNotFound` for none or several."""
    if row.case_no is not None:
        sha = case_index.by_number.get(row.case_no)
        if sha is None:
            raise _CaseNotFound("case", f"is {row.case_no}, but there are {len(case_index.by_number)} cases")
        return sha
    input = _squeeze_spaces(row.input)
    if row.answer is not None:
        sha = case_index.by_text.get((input, _squeeze_spaces(row.answer)))
        if sha is None:
            field = "answer" if input in case_index.by_input else "input"
            raise _CaseNotFound(field, f"no case has this {field}")
        return sha
    candidates = case_index.by_input.get(input, set())
    if len(candidates) != 1:
        raise _CaseNotFound(
            "input",
            f"{len(candidates)} cases with different answers have this input; add the answer or the case number"
            if candidates
            else "no case has this input",
        )
    return next(iter(candidates))


def _squeeze_spaces(text: str | None) -> str:
    """Normalise whitespace, which changes when a text is copied."""
    return " ".join((text or "").split())
