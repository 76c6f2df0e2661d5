"""Cached reads of what people say of test cases, and of how far judges agree with them."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.human import judged, label_imports, labels
from genaiops_core.evaluation.human.agreement import JudgeAgreement
from genaiops_core.evaluation.human.label_files import parse_scale
from genaiops_core.evaluation.human.production_agreement import agreement_in_production
from genaiops_core.evaluation.readers import read_table
from genaiops_core.telemetry.time_window import Filters
from pages.parts import reads
from pages.parts.reads import SLOW_S, STEADY_S, cached, engine, snapshot


@cached(SLOW_S)
def agreement_of_run(
    url: str, identifier: str, units_done: int, chosen: tuple[tuple[str, str], ...]
) -> list[JudgeAgreement]:
    """The judge of a run against people; `units_done` tells an older answer from a newer one."""
    with snapshot(url) as connection:
        return judged.agreement_of_run(connection, identifier, chosen=dict(chosen))


@cached(STEADY_S)
def agreement_in_window(url: str, filters: Filters) -> list[JudgeAgreement]:
    """Judges of production requests against the people who reviewed some."""
    with snapshot(url) as connection:
        return agreement_in_production(connection, filters)


@cached(SLOW_S)
def count_labels(url: str, dataset: str) -> list[labels.LabelCount]:
    """How much of a dataset was labelled, by metric."""
    with snapshot(url) as connection:
        return labels.count_labels(connection, dataset)


@cached(SLOW_S)
def to_label(
    url: str, identifier: str, units_done: int, label: str, labeller: str, order: str, metric: str, limit: int
) -> list[judged.JudgedAnswer]:
    """What this person should label next."""
    with snapshot(url) as connection:
        return judged.to_label(
            connection,
            identifier,
            label=label,
            labeller=labeller,
            order=order,
            metric=metric,
            limit=limit,
        )


@cached(SLOW_S)
def contexts_of(url: str, identifier: str, case_no: int) -> tuple[str, ...] | None:
    """The texts that an answer was made from."""
    with snapshot(url) as connection:
        return judged.contexts_of(connection, runs.get(connection, identifier), case_no)


@st.cache_data(ttl=600, max_entries=8, show_spinner="Reading the file")
def label_columns(data: bytes, filename: str) -> tuple[str, ...]:
    """The columns of a file with labels."""
    return read_table(data, filename).columns


@st.cache_data(ttl=600, max_entries=16, show_spinner="Reading the file")
def label_preview(
    url: str,
    dataset: str,
    version: int,
    metric: str,
    data: bytes,
    filename: str,
    columns: tuple[tuple[str, str], ...],
    scale: str,
    words: tuple[str, ...],
) -> label_imports.LabelImport:
    """What an import of this file would give; kept, because every change of the form asks again."""
    return label_imports.preview_labels(
        engine(url),
        dataset=dataset,
        version=version,
        metric=metric,
        data=data,
        filename=filename,
        columns=dict(columns),
        scale=parse_scale(scale, words),
    )


reads.forgets(
    "labels", agreement_of_run, count_labels, to_label, contexts_of, label_preview, reads.audit_entries
)
reads.forgets("reviews", agreement_in_window)
