"""The import of a file with human labels: mapping of columns, scale, preview, import."""

from __future__ import annotations

from typing import Any

import streamlit as st

from genaiops_core.evaluation.human import label_files, label_imports, labels
from genaiops_core.evaluation.runs import Evaluation
from pages.parts.datasets import dataset_view
from pages.parts.reads import cache, human
from pages.parts.reviews import review_keys
from pages.parts.shared import confirm, frame, units
from pages.parts.shared.frame import Screen

DETECTED = "(detected)"
_FIELDS = {"label": "Label", "case": "Case number", "input": "Input", "answer": "Answer"}


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the choice of a file and its meaning; nothing is stored before the preview is confirmed."""
    st.subheader("Import labels", icon=":material/upload_file:", anchor=False)
    imported = int(st.session_state.get(review_keys.LABEL_IMPORTS, 0))
    file = st.file_uploader(
        "File with one label per row",
        key=f"{review_keys.LABEL_FILE}_{imported}",
        help="CSV, TSV, JSON, JSON lines, XLSX, XLS, ODS or Parquet. Rows are matched to cases by case number, or by input "
        "and answer.",
    )
    if file is not None:
        with frame.show_errors():
            _draw_file(screen, evaluation, file)
    st.button(
        "Copy labels from reviews",
        icon=":material/rate_review:",
        type="tertiary",
        key=review_keys.LABEL_FROM_REVIEWS,
        on_click=confirm.run_action,
        args=(lambda: _copy_review_labels(screen, evaluation),),
        help="Finished reviews of production requests become labels of the cases created from those requests.",
    )


def _draw_file(screen: Screen, evaluation: Evaluation, file: Any) -> None:
    data = file.getvalue()
    options = [DETECTED, *human.read_label_columns(data, file.name)]
    metric = st.selectbox(
        "Labelled criterion",
        list(dict.fromkeys([*labels.SUGGESTED, *evaluation.metrics])),
        key=review_keys.LABEL_FILE_METRIC,
        accept_new_options=True,
    )
    first, second = st.columns(2)
    columns = {}
    for position, (field, title) in enumerate(_FIELDS.items()):
        selected = (first, second)[position % 2].selectbox(
            title, options, key=f"{review_keys.label_column(field)}_{file.file_id}"
        )
        if selected and selected != DETECTED:
            columns[field] = selected
    scale = first.text_input(
        "Scale", key=review_keys.LABEL_SCALE, placeholder="0..1", help="From worst to best: 1..5"
    )
    words_text = second.text_input(
        "Label values",
        key=review_keys.LABEL_WORDS,
        placeholder="yes=1, no=0",
        help="Value of each text label, 0 (bad) to 1 (good)",
    )
    words = tuple(part.strip() for part in (words_text or "").split(",") if part.strip())
    preview = human.preview_labels(
        screen.url,
        evaluation.dataset,
        evaluation.version,
        metric or "",
        data,
        file.name,
        tuple(sorted(columns.items())),
        scale or "",
        words,
    )
    with st.container(horizontal=True, gap="small"):
        st.badge(
            units.format_quantity(preview.labels, "label"),
            icon=":material/check:",
            color="green" if preview.labels else "gray",
        )
        if preview.rejected:
            st.badge(
                f"{units.format_quantity(preview.rejected, 'row')} rejected",
                icon=":material/block:",
                color="red",
            )
        used = vars(preview.columns)
        st.caption(
            ", ".join(
                f"{field} from {units.escape_markdown(column)}" for field, column in used.items() if column
            ),
            width="content",
        )
    if preview.problems:
        dataset_view.draw_problems(preview.problems)
    st.button(
        "Import labels",
        icon=":material/upload:",
        type="primary",
        key=review_keys.LABEL_IMPORT,
        disabled=not preview.labels,
        on_click=confirm.run_action,
        args=(
            lambda: _import_labels(
                screen, evaluation, metric or "", data, file.name, columns, scale or "", words
            ),
        ),
    )


def _import_labels(
    screen: Screen,
    evaluation: Evaluation,
    metric: str,
    data: bytes,
    filename: str,
    columns: dict[str, str],
    scale: str,
    words: tuple[str, ...],
) -> str:
    label_import = label_imports.import_labels(
        screen.engine,
        actor=screen.actor,
        dataset=evaluation.dataset,
        version=evaluation.version,
        metric=metric,
        data=data,
        filename=filename,
        columns=columns,
        scale=label_files.parse_scale(scale, words),
    )
    cache.invalidate("labels")
    # A new key empties the file field.
    st.session_state[review_keys.LABEL_IMPORTS] = int(st.session_state.get(review_keys.LABEL_IMPORTS, 0)) + 1
    return f"Imported {units.format_quantity(label_import.labels, 'label')} of {label_import.metric}: {label_import.new} new, {label_import.changed} changed."


def _copy_review_labels(screen: Screen, evaluation: Evaluation) -> str:
    label_counts = label_imports.labels_from_reviews(
        screen.engine, actor=screen.actor, dataset=evaluation.dataset
    )
    cache.invalidate("labels")
    count = sum(label_counts.values())
    return (
        f"Copied {units.format_quantity(count, 'label')}."
        if count
        else f"No new label: no finished review belongs to a request that became a case of {evaluation.dataset}."
    )
