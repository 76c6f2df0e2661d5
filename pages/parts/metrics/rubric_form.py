"""Write a rubric: its prompt and scale on the left, what a model will read of a real case on the right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation.datasets.search import Wanted
from genaiops_core.evaluation.metrics import rubrics
from genaiops_core.evaluation.metrics.rubric import PLACEHOLDERS, Label, Rubric
from pages.parts.metrics import metric_keys
from pages.parts.reads import cache, datasets, metrics
from pages.parts.shared import confirm, frame, units
from pages.parts.shared.frame import Screen

_EMPTY_SCALE = (
    Label(label="polite", value=1.0, meaning="courteous from the first word to the last"),
    Label(label="blunt", value=0.5, meaning="correct, but curt or impatient"),
    Label(label="rude", value=0.0, meaning="dismissive, mocking or insulting"),
)
_EXAMPLE = "Judge whether the ANSWER is polite.\n\nINPUT of the user:\n{input}\n\nANSWER of the assistant:\n{answer}\n"


def is_open() -> bool:
    """Whether somebody is writing."""
    return metric_keys.RUBRIC_WRITING in st.session_state


def open_form(start: Rubric | None) -> None:
    """Begin with an empty rubric, or with the newest version of one that is there."""
    st.session_state[metric_keys.RUBRIC_WRITING] = start


def _close() -> None:
    st.session_state.pop(metric_keys.RUBRIC_WRITING, None)


def draw(screen: Screen) -> None:
    """The form; what is refused stays as it was typed."""
    start: Rubric | None = st.session_state[metric_keys.RUBRIC_WRITING]
    # A rubric of the product keeps its words; who changes them writes one of their own.
    is_change = start is not None and start.version > 0
    identity = f"{start.name}_{start.version}" if start else "new"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"Change {units.escape_markdown(start.title)}"
            if start is not None and is_change
            else "New rubric",
            icon=":material/edit_note:",
            anchor=False,
            width="content",
        )
        st.space("stretch")
        st.button("Back to the rubrics", icon=":material/arrow_back:", key="rubric_back", on_click=_close)
    left, right = st.columns(2)
    with left.container(border=True):
        rubric = _fields(start, is_change=is_change, identity=identity)
        reason = st.text_input("Reason", key=metric_keys.RUBRIC_REASON, placeholder="Kept in the audit log")
        saved = st.button(
            "Save version" if is_change else "Save rubric",
            type="primary",
            icon=":material/save:",
            key=metric_keys.RUBRIC_SAVE,
        )
        if saved:
            _save(screen, rubric, reason)
    with right.container(border=True):
        _preview(screen, rubric)


def _fields(start: Rubric | None, *, is_change: bool, identity: str) -> dict[str, Any]:
    left, right = st.columns(2)
    name = left.text_input(
        "Name",
        value=start.name if start is not None and is_change else "",
        disabled=is_change,
        key=f"{metric_keys.RUBRIC_NAME}_{identity}",
        placeholder="politeness",
        help="As gates, results and --min-NAME say it: small letters, digits and underscores.",
        autocomplete="off",
    )
    title = right.text_input(
        "Title",
        value=start.title if start is not None and is_change else "",
        key=f"{metric_keys.RUBRIC_TITLE}_{identity}",
        placeholder="Politeness",
        autocomplete="off",
    )
    prompt = st.text_area(
        "Prompt",
        value=start.prompt if start else _EXAMPLE,
        height=280,
        key=f"{metric_keys.RUBRIC_PROMPT}_{identity}",
        help="The texts of a case stand where "
        + ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
        + " are written. "
        "The scale is added below by itself.",
    )
    st.caption("Scale: the model chooses one label; its value is the score.")
    edited = st.data_editor(
        pd.DataFrame([vars(one) for one in (start.scale if start else _EMPTY_SCALE)]),
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "label": st.column_config.TextColumn("Label", required=True, width=120),
            "value": st.column_config.NumberColumn(
                "Value",
                min_value=0.0,
                max_value=1.0,
                step=0.05,
                format="%.2f",
                required=True,
                width=70,
                help="The score, 0 to 1",
            ),
            "meaning": st.column_config.TextColumn("Meaning: when to choose it", width="large"),
        },
        key=f"{metric_keys.RUBRIC_SCALE}_{identity}",
        alt="Scale of the rubric",
    )
    return {
        "name": (name or "").strip(),
        "title": (title or "").strip(),
        "prompt": prompt or "",
        "scale": _scale(edited),
    }


def _scale(edited: pd.DataFrame) -> list[dict[str, Any]]:
    rows = edited.astype(object).where(edited.notna(), None).to_dict("records")
    return [
        {
            "label": str(row["label"] or "").strip(),
            "value": row["value"],
            "meaning": str(row["meaning"] or "").strip(),
        }
        for row in rows
    ]


def _save(screen: Screen, rubric: dict[str, Any], reason: str | None) -> None:
    try:
        why = confirm.require_reason(reason)
        made = rubrics.save(screen.engine, actor=screen.actor, reason=why, **rubric).rubric
    except GenAIOpsError as error:
        st.error(units.escape_markdown(error), icon=":material/error:")
        return
    cache.invalidate("rubrics")
    frame.flash(f"{made.title} is at version {made.version}.")
    _close()
    st.rerun()


def _preview(screen: Screen, rubric: dict[str, Any]) -> None:
    """What the model will read of one case."""
    st.markdown("**What the model reads**")
    suites = {one.dataset: one for one in datasets.list_datasets(screen.url)}
    if not suites:
        st.caption("Import a dataset to see the prompt with a case in it.")
        return
    left, right = st.columns([3, 1])
    dataset = left.selectbox("Dataset", list(suites), key=metric_keys.RUBRIC_DATASET)
    suite = suites[dataset]
    number = right.number_input(
        "Case",
        min_value=1,
        max_value=suite.cases,
        value=1,
        step=1,
        key=f"{metric_keys.RUBRIC_CASE}_{dataset}",
    )
    _number, case = datasets.search_cases(
        screen.url, dataset, suite.version, Wanted(), 1, int(number) - 1
    ).cases[0]
    try:
        asked = metrics.build_rubric_prompt(rubric, case)
    except GenAIOpsError as error:
        st.warning(units.escape_markdown(error), icon=":material/rule:")
        return
    with st.expander("System"):
        st.code(asked.system, language=None, wrap_lines=True)
    st.code(asked.messages[0].text, language=None, wrap_lines=True, height=520)
