"""Cases in a grid: change, add, remove, accept what a model wrote; saving makes the next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, case_review, changes, search
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_text import case_from, contexts_text, metadata_text
from genaiops_core.evaluation.datasets.search import Wanted
from pages.parts.datasets import dataset_filter, dataset_keys
from pages.parts.reads import cache
from pages.parts.reads import connection as reads_connection
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

_TEXTS = ("input", "answer", "contexts", "reference", "metadata")


class Edits(NamedTuple):
    """What was done in the grid."""

    changed: dict[int, Case | None]
    """Case number -> as it should be; None to leave it out."""
    added: list[Case]

    @property
    def said(self) -> str:
        removed = sum(case is None for case in self.changed.values())
        counts = {"changed": len(self.changed) - removed, "added": len(self.added), "removed": removed}
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def draw(screen: Screen, version: DatasetVersion) -> None:
    """The grid over one page of the filter, and the buttons that keep what was done."""
    view = dataset_filter.choose(screen.url, version)
    numbered = view.found.cases
    pending = any(case_review.is_pending(case) for _number, case in numbered)
    key = dataset_keys.dataset_grid(version.dataset, version.version, view.name)
    st.data_editor(
        _frame(numbered, pending=pending),
        column_config=_columns(),
        column_order=[*(["accept"] if pending else []), *_TEXTS],
        num_rows="dynamic",
        key=key,
        height=min(35 * (len(numbered) + 2) + 2, 560),
        placeholder="unknown",
        alt="Cases of this version, to be edited",
    )
    dataset_filter.draw_pages(view, version.dataset)
    state = st.session_state.get(key) or {}
    touched = any(state.get(part) for part in ("edited_rows", "added_rows", "deleted_rows"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            "Contexts are paragraphs parted by a blank line, or a JSON list. Metadata is a JSON object. "
            "Save a page before you turn it."
        )
        st.space("stretch")
        is_waiting = view.wanted.review == case_review.PENDING and view.found.total > 0
        label = f"Accept all {view.found.total:,}"
        if is_waiting and st.button(label, icon=":material/done_all:", key=dataset_keys.DATASET_ACCEPT):
            _ask_accept(screen, version, view.wanted)
        if st.button(
            "Save as a new version",
            icon=":material/save:",
            type="primary",
            key=dataset_keys.DATASET_SAVE,
            disabled=not touched,
        ):
            _ask_save(screen, version, numbered, key)


def edits(numbered: Sequence[tuple[int, Case]], state: Mapping[str, Any], actor: str) -> Edits:
    """What the state of the grid means for the cases it shows.

    Raises:
        BadInput: a row cannot be a case; the sentence names it.
    """
    changed: dict[int, Case | None] = {}
    for at, values in (state.get("edited_rows") or {}).items():
        number, before = numbered[int(at)]
        case = _row(values, f"Case {number}", before)
        if values.get("accept") and case_review.is_pending(case):
            case = case_review.accepted(case, actor)
        if case != before:
            changed[number] = case
    for at in state.get("deleted_rows") or []:
        changed[numbered[int(at)][0]] = None
    rows = [
        row
        for row in state.get("added_rows") or []
        if any(str(row.get(name) or "").strip() for name in _TEXTS)
    ]
    added = [_row(row, f"New row {at}") for at, row in enumerate(rows, start=1)]
    return Edits(changed, added)


def _row(values: Mapping[str, Any], where: str, before: Case | None = None) -> Case:
    try:
        return case_from({name: values[name] for name in _TEXTS if name in values}, before)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _frame(numbered: Sequence[tuple[int, Case]], *, pending: bool) -> pd.DataFrame:
    rows = [
        {
            **({"accept": False} if pending else {}),
            "input": case.input,
            "answer": case.answer,
            "contexts": contexts_text(case.contexts) or None,
            "reference": case.reference,
            "metadata": metadata_text(case.metadata) or None,
        }
        for _number, case in numbered
    ]
    columns = [*(["accept"] if pending else []), *_TEXTS]
    index = pd.Index([number for number, _case in numbered], name="Case")
    return pd.DataFrame(rows, columns=columns, index=index, dtype=object)


def _columns() -> dict[str, Any]:
    column = tables.column
    return {
        "_index": column.NumberColumn("Case", disabled=True, width=60),
        "accept": column.CheckboxColumn(
            "Accept",
            width=70,
            help="A model wrote this case; tick it when it is good. Remove the row to reject it.",
        ),
        "input": column.TextColumn("Input", width="medium", required=True),
        "answer": column.TextColumn("Answer", width="medium"),
        "contexts": column.TextColumn("Contexts", width="medium"),
        "reference": column.TextColumn("Reference", width="medium"),
        "metadata": column.TextColumn("Metadata", width="small"),
    }


def _ask_save(
    screen: Screen, version: DatasetVersion, numbered: Sequence[tuple[int, Case]], key: str
) -> None:
    def save(reason: str) -> str:
        done = edits(numbered, st.session_state.get(key) or {}, screen.actor)
        if not done.said:
            raise BadInput("Nothing is different from what is there.")
        made = changes.edit(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            changed=done.changed,
            added=done.added,
            reason=reason,
            source=f"edited from version {version.version}: {done.said}",
        )
        return _kept(made, done.said)

    confirm.ask(
        "dataset_save",
        title="Save as a new version",
        icon=":material/save:",
        button="Save",
        act=save,
        sentence=f"The next version of {units.plain(version.dataset)} is made from version {version.version}, which stays "
        "as it is.",
    )


def _ask_accept(screen: Screen, version: DatasetVersion, wanted: Wanted) -> None:
    def accept(reason: str) -> str:
        with reads_connection.open_snapshot(screen.url) as connection:
            numbers = search.numbers(connection, version.dataset, version.version, wanted)
        made = case_review.review(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            accept=numbers,
            reason=reason,
        )
        return _kept(made, f"{len(numbers)} accepted")

    confirm.ask(
        "dataset_accept",
        title="Accept all of these cases",
        icon=":material/done_all:",
        button="Accept",
        act=accept,
        sentence="Everything that the filter shows, on all of its pages, counts as reviewed by you.",
    )


def _kept(made: DatasetVersion, said: str) -> str:
    cache.invalidate("datasets")
    st.session_state[f"{dataset_keys.DATASET_VERSION}_{made.dataset}"] = made.version
    if not made.is_new:
        return f"Version {made.version} has exactly these cases."
    return f"{made.dataset} version {made.version}: {said}."
