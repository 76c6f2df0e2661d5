"""Cases in a grid: change, add, remove, accept generated cases; saving creates the next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, case_review, changes, search
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_text import format_contexts, format_metadata, parse_case
from genaiops_core.evaluation.datasets.search import CaseFilter
from pages.parts.datasets import dataset_choice, dataset_filter, dataset_keys
from pages.parts.reads import connection as reads_connection
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

_TEXTS = ("input", "answer", "contexts", "reference", "metadata")


class Edits(NamedTuple):
    """The changes of the grid that are not saved yet."""

    changed: dict[int, Case | None]
    """Case number -> its new content; None removes the case."""
    added: list[Case]

    @property
    def summary(self) -> str:
        removed = sum(case is None for case in self.changed.values())
        counts = {"changed": len(self.changed) - removed, "added": len(self.added), "removed": removed}
        return ", ".join(f"{count} {action}" for action, count in counts.items() if count)


def draw(screen: Screen, version: DatasetVersion) -> None:
    """Draw the grid with one page of the filtered cases, and the buttons that save it."""
    view = dataset_filter.draw_filters(screen.url, version)
    numbered_cases = view.case_page.cases
    has_pending = any(case_review.is_pending(case) for _number, case in numbered_cases)
    # The grid stores its edits by row position, so another page or version needs another key.
    key = dataset_keys.dataset_grid(version.dataset, version.version, view.name)
    st.data_editor(
        _build_frame(numbered_cases, has_pending=has_pending),
        column_config=_build_columns(),
        column_order=[*(["accept"] if has_pending else []), *_TEXTS],
        num_rows="dynamic",
        key=key,
        height=min(35 * (len(numbered_cases) + 2) + 2, 560),
        placeholder="unknown",
        alt="Editable cases of this version",
    )
    dataset_filter.draw_pages(view, version.dataset)
    state = st.session_state.get(key) or {}
    has_edits = any(state.get(part) for part in ("edited_rows", "added_rows", "deleted_rows"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            "Contexts: paragraphs separated by a blank line, or a JSON list. Metadata: a JSON object. "
            "Save a page before you open another one."
        )
        st.space("stretch")
        is_waiting = view.case_filter.review == case_review.PENDING and view.case_page.total > 0
        label = f"Accept all {view.case_page.total:,}"
        if is_waiting and st.button(label, icon=":material/done_all:", key=dataset_keys.DATASET_ACCEPT):
            _open_accept_dialog(screen, version, view.case_filter)
        if st.button(
            "Save as a new version",
            icon=":material/save:",
            type="primary",
            key=dataset_keys.DATASET_SAVE,
            disabled=not has_edits,
        ):
            _open_save_dialog(screen, version, numbered_cases, key)


def parse_edits(numbered_cases: Sequence[tuple[int, Case]], state: Mapping[str, Any], actor: str) -> Edits:
    """Parse the widget state of the grid into edits of the cases on its page.

    Raises:
        BadInput: a row is not a valid case; the message names the row.
    """
    changed: dict[int, Case | None] = {}
    for position, cells in (state.get("edited_rows") or {}).items():
        case_number, original = numbered_cases[int(position)]
        case = _parse_row(cells, f"Case {case_number}", original)
        if cells.get("accept") and case_review.is_pending(case):
            case = case_review.accept_case(case, actor)
        if case != original:
            changed[case_number] = case
    for position in state.get("deleted_rows") or []:
        changed[numbered_cases[int(position)][0]] = None
    rows = [
        row
        for row in state.get("added_rows") or []
        if any(str(row.get(name) or "").strip() for name in _TEXTS)
    ]
    added = [_parse_row(row, f"New row {row_number}") for row_number, row in enumerate(rows, start=1)]
    return Edits(changed, added)


def _parse_row(cells: Mapping[str, Any], row_name: str, original: Case | None = None) -> Case:
    try:
        return parse_case({name: cells[name] for name in _TEXTS if name in cells}, original)
    except BadInput as error:
        raise BadInput(f"{row_name}: {error}") from None


def _build_frame(numbered_cases: Sequence[tuple[int, Case]], *, has_pending: bool) -> pd.DataFrame:
    rows = [
        {
            **({"accept": False} if has_pending else {}),
            "input": case.input,
            "answer": case.answer,
            "contexts": format_contexts(case.contexts) or None,
            "reference": case.reference,
            "metadata": format_metadata(case.metadata) or None,
        }
        for _case_number, case in numbered_cases
    ]
    columns = [*(["accept"] if has_pending else []), *_TEXTS]
    index = pd.Index([case_number for case_number, _case in numbered_cases], name="Case")
    # As objects: pandas would infer a string type, in which None becomes NaN.
    return pd.DataFrame(rows, columns=columns, index=index, dtype=object)


def _build_columns() -> dict[str, Any]:
    column = tables.column
    return {
        "_index": column.NumberColumn("Case", disabled=True, width=60),
        "accept": column.CheckboxColumn(
            "Accept",
            width=70,
            help="A model generated this case. Tick it to accept it; remove the row to reject it.",
        ),
        "input": column.TextColumn("Input", width="medium", required=True),
        "answer": column.TextColumn("Answer", width="medium"),
        "contexts": column.TextColumn("Contexts", width="medium"),
        "reference": column.TextColumn("Reference", width="medium"),
        "metadata": column.TextColumn("Metadata", width="small"),
    }


def _open_save_dialog(
    screen: Screen, version: DatasetVersion, numbered_cases: Sequence[tuple[int, Case]], key: str
) -> None:
    def save(reason: str) -> str:
        grid_edits = parse_edits(numbered_cases, st.session_state.get(key) or {}, screen.actor)
        if not grid_edits.summary:
            raise BadInput("Nothing has changed; edit a cell, or add or remove a row, then save.")
        new_version = changes.edit_version(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            changed=grid_edits.changed,
            added=grid_edits.added,
            reason=reason,
            source=f"edited from version {version.version}: {grid_edits.summary}",
        )
        return _finish(new_version, grid_edits.summary)

    confirm.open_dialog(
        "dataset_save",
        title="Save as a new version",
        icon=":material/save:",
        button="Save",
        act=save,
        sentence=f"Creates the next version of {units.escape_markdown(version.dataset)} from version {version.version}, "
        "which does not change.",
    )


def _open_accept_dialog(screen: Screen, version: DatasetVersion, case_filter: CaseFilter) -> None:
    def accept(reason: str) -> str:
        with reads_connection.open_snapshot(screen.url) as connection:
            case_numbers = search.list_case_numbers(connection, version.dataset, version.version, case_filter)
        new_version = case_review.review_cases(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            accept=case_numbers,
            reason=reason,
        )
        return _finish(new_version, f"{len(case_numbers)} accepted")

    confirm.open_dialog(
        "dataset_accept",
        title="Accept all filtered cases",
        icon=":material/done_all:",
        button="Accept",
        act=accept,
        sentence="All cases of the filter, on every page, are marked as reviewed by you.",
    )


def _finish(version: DatasetVersion, summary: str) -> str:
    dataset_choice.show_version(version)
    if not version.is_new:
        return f"Version {version.version} already has exactly these cases."
    return f"{version.dataset} version {version.version}: {summary}."
