"""A file with labels: what they mean and whose cases they are of, what would come of it, then the import."""

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

AUTO = "(recognised)"
_FIELDS = {"label": "Label", "case": "Case number", "input": "Input", "answer": "Answer"}


def draw(screen: Screen, run: Evaluation) -> None:
    """Choose a file, say what its labels mean; what comes of it is shown before anything is stored."""
    st.subheader("Import labels", icon=":material/upload_file:", anchor=False)
    imported = int(st.session_state.get(review_keys.LABEL_IMPORTS, 0))
    file = st.file_uploader(
        "File with a label a row",
        key=f"{review_keys.LABEL_FILE}_{imported}",
        help="CSV, TSV, JSON, JSON lines, XLSX, XLS, ODS or Parquet. Rows are matched to cases by case number, or by input "
        "and answer.",
    )
    if file is not None:
        with frame.show_errors():
            _draw_file(screen, run, file)
    st.button(
        "Take over reviews",
        icon=":material/rate_review:",
        type="tertiary",
        key=review_keys.LABEL_FROM_REVIEWS,
        on_click=confirm.run_action,
        args=(lambda: _from_reviews(screen, run),),
        help="What two reviewers said of production requests becomes labels of the cases made from them.",
    )


def _draw_file(screen: Screen, run: Evaluation, file: Any) -> None:
    data = file.getvalue()
    options = [AUTO, *human.read_label_columns(data, file.name)]
    metric = st.selectbox(
        "What was labelled",
        list(dict.fromkeys([*labels.SUGGESTED, *run.metrics])),
        key=review_keys.LABEL_FILE_METRIC,
        accept_new_options=True,
    )
    left, right = st.columns(2)
    columns = {}
    for at, (field, title) in enumerate(_FIELDS.items()):
        picked = (left, right)[at % 2].selectbox(
            title, options, key=f"{review_keys.label_column(field)}_{file.file_id}"
        )
        if picked and picked != AUTO:
            columns[field] = picked
    scale = left.text_input(
        "Scale", key=review_keys.LABEL_SCALE, placeholder="0..1", help="The worst first: 1..5"
    )
    said = right.text_input(
        "Words",
        key=review_keys.LABEL_WORDS,
        placeholder="yes=1, no=0",
        help="What labels mean, from 0 (bad) to 1",
    )
    words = tuple(part.strip() for part in (said or "").split(",") if part.strip())
    preview = human.preview_labels(
        screen.url,
        run.dataset,
        run.version,
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
        args=(lambda: _import(screen, run, metric or "", data, file.name, columns, scale or "", words),),
    )


def _import(
    screen: Screen,
    run: Evaluation,
    metric: str,
    data: bytes,
    filename: str,
    columns: dict[str, str],
    scale: str,
    words: tuple[str, ...],
) -> str:
    made = label_imports.import_labels(
        screen.engine,
        actor=screen.actor,
        dataset=run.dataset,
        version=run.version,
        metric=metric,
        data=data,
        filename=filename,
        columns=columns,
        scale=label_files.parse_scale(scale, words),
    )
    cache.invalidate("labels")
    # The next file gets a fresh uploader.
    st.session_state[review_keys.LABEL_IMPORTS] = int(st.session_state.get(review_keys.LABEL_IMPORTS, 0)) + 1
    return f"Imported {units.format_quantity(made.labels, 'label')} of {made.metric}: {made.new} new, {made.changed} changed."


def _from_reviews(screen: Screen, run: Evaluation) -> str:
    made = label_imports.labels_from_reviews(screen.engine, actor=screen.actor, dataset=run.dataset)
    cache.invalidate("labels")
    count = sum(made.values())
    return (
        f"Took over {units.format_quantity(count, 'label')}."
        if count
        else f"Nothing new: no finished review is of a request that a case of {run.dataset} was made from."
    )
