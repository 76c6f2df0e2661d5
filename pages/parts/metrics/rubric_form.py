"""The form of a rubric: prompt and scale on the left, a preview of the judge's prompt on the right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation.datasets.search import CaseFilter
from genaiops_core.evaluation.metrics import rubrics
from genaiops_core.evaluation.metrics.rubric import PLACEHOLDERS, Label, Rubric
from pages.parts.metrics import metric_keys
from pages.parts.reads import cache, datasets, metrics
from pages.parts.shared import confirm, frame, units
from pages.parts.shared.frame import Screen

_EXAMPLE_SCALE = (
    Label(label="polite", value=1.0, meaning="courteous from the first word to the last"),
    Label(label="blunt", value=0.5, meaning="correct, but curt or impatient"),
    Label(label="rude", value=0.0, meaning="dismissive, mocking or insulting"),
)
_EXAMPLE_PROMPT = "Judge whether the ANSWER is polite.\n\nINPUT of the user:\n{input}\n\nANSWER of the assistant:\n{answer}\n"


def is_open() -> bool:
    """Whether the form is open."""
    # The value is None for a new rubric, so the key marks the open form.
    return metric_keys.RUBRIC_WRITING in st.session_state


def open_form(original: Rubric | None) -> None:
    """Open the form with a copy of `original`, or with an example for None."""
    st.session_state[metric_keys.RUBRIC_WRITING] = original


def _close() -> None:
    st.session_state.pop(metric_keys.RUBRIC_WRITING, None)


def draw(screen: Screen) -> None:
    """Draw the form; an error on saving keeps everything that was typed."""
    original: Rubric | None = st.session_state[metric_keys.RUBRIC_WRITING]
    # Built-in rubrics (version 0) are read-only: saving a changed one creates a new rubric.
    has_versions = original is not None and original.version > 0
    widget_id = f"{original.name}_{original.version}" if original else "new"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"Change {units.escape_markdown(original.title)}"
            if original is not None and has_versions
            else "New rubric",
            icon=":material/edit_note:",
            anchor=False,
            width="content",
        )
        st.space("stretch")
        st.button("Back to rubrics", icon=":material/arrow_back:", key="rubric_back", on_click=_close)
    form_column, preview_column = st.columns(2)
    with form_column.container(border=True):
        rubric = _draw_fields(original, has_versions=has_versions, widget_id=widget_id)
        reason = st.text_input("Reason", key=metric_keys.RUBRIC_REASON, placeholder="Kept in the audit log")
        is_submitted = st.button(
            "Save version" if has_versions else "Save rubric",
            type="primary",
            icon=":material/save:",
            key=metric_keys.RUBRIC_SAVE,
        )
        if is_submitted:
            _save(screen, rubric, reason)
    with preview_column.container(border=True):
        _draw_preview(screen, rubric)


def _draw_fields(original: Rubric | None, *, has_versions: bool, widget_id: str) -> dict[str, Any]:
    name_column, title_column = st.columns(2)
    name = name_column.text_input(
        "Name",
        value=original.name if original is not None and has_versions else "",
        disabled=has_versions,
        key=f"{metric_keys.RUBRIC_NAME}_{widget_id}",
        placeholder="politeness",
        help="Name in gates, results and --min-NAME: lower-case letters, digits and underscores.",
        autocomplete="off",
    )
    title = title_column.text_input(
        "Title",
        value=original.title if original is not None and has_versions else "",
        key=f"{metric_keys.RUBRIC_TITLE}_{widget_id}",
        placeholder="Politeness",
        autocomplete="off",
    )
    prompt = st.text_area(
        "Prompt",
        value=original.prompt if original else _EXAMPLE_PROMPT,
        height=280,
        key=f"{metric_keys.RUBRIC_PROMPT}_{widget_id}",
        help="Placeholders for the texts of a case: "
        + ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
        + ". The scale is appended automatically.",
    )
    st.caption("Scale: the model chooses one label for each answer; the value of the label is the score.")
    edited_scale = st.data_editor(
        pd.DataFrame([vars(scale_label) for scale_label in (original.scale if original else _EXAMPLE_SCALE)]),
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
        key=f"{metric_keys.RUBRIC_SCALE}_{widget_id}",
        alt="Scale of the rubric",
    )
    return {
        "name": (name or "").strip(),
        "title": (title or "").strip(),
        "prompt": prompt or "",
        "scale": _parse_scale(edited_scale),
    }


def _parse_scale(edited: pd.DataFrame) -> list[dict[str, Any]]:
    # NaN is true in conditions, None is not.
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
        required_reason = confirm.require_reason(reason)
        saved_rubric = rubrics.save_rubric(
            screen.engine, actor=screen.actor, reason=required_reason, **rubric
        ).rubric
    except GenAIOpsError as error:
        st.error(units.escape_markdown(error), icon=":material/error:")
        return
    cache.invalidate("rubrics")
    frame.flash(f"Saved {saved_rubric.title} as version {saved_rubric.version}.")
    _close()
    st.rerun()


def _draw_preview(screen: Screen, rubric: dict[str, Any]) -> None:
    """Draw the prompt that the judge's model receives for one case."""
    st.markdown("**Prompt preview**")
    summaries = {item.dataset: item for item in datasets.list_datasets(screen.url)}
    if not summaries:
        st.caption("Import a dataset to preview the prompt with a case.")
        return
    dataset_column, case_column = st.columns([3, 1])
    dataset = dataset_column.selectbox("Dataset", list(summaries), key=metric_keys.RUBRIC_DATASET)
    summary = summaries[dataset]
    case_number = case_column.number_input(
        "Case",
        min_value=1,
        max_value=summary.cases,
        value=1,
        step=1,
        key=f"{metric_keys.RUBRIC_CASE}_{dataset}",
    )
    _case_number, case = datasets.search_cases(
        screen.url, dataset, summary.version, CaseFilter(), 1, int(case_number) - 1
    ).cases[0]
    try:
        prompt = metrics.build_rubric_prompt(rubric, case)
    except GenAIOpsError as error:
        st.warning(units.escape_markdown(error), icon=":material/rule:")
        return
    with st.expander("System"):
        st.code(prompt.system, language=None, wrap_lines=True)
    st.code(prompt.messages[0].text, language=None, wrap_lines=True, height=520)
