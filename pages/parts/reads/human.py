"""Cached reads of human labels and of the agreement of judges with them."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.human import judged, label_imports, labels
from genaiops_core.evaluation.human.agreement import JudgeAgreement
from genaiops_core.evaluation.human.label_files import parse_scale
from genaiops_core.evaluation.human.production_agreement import read_production_agreement
from genaiops_core.evaluation.readers import read_table
from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads.cache import SLOW_S, STEADY_S, cache_for, register_reads
from pages.parts.reads.connection import open_engine, open_snapshot


@cache_for(SLOW_S)
def measure_run_agreement(
    url: str, identifier: str, units_done: int, chosen: tuple[tuple[str, str], ...]
) -> list[JudgeAgreement]:
    """Judge-human agreement of one evaluation; `units_done` is part of the cache key, so that progress shows at once."""
    with open_snapshot(url) as connection:
        return judged.read_run_agreement(connection, identifier, chosen=dict(chosen))


@cache_for(STEADY_S)
def measure_production_agreement(url: str, filters: Filters) -> list[JudgeAgreement]:
    """Judge-human agreement on production requests that were reviewed."""
    with open_snapshot(url) as connection:
        return read_production_agreement(connection, filters)


@cache_for(SLOW_S)
def count_labels(url: str, dataset: str) -> list[labels.LabelCount]:
    """Number of labelled cases of a dataset, by metric."""
    with open_snapshot(url) as connection:
        return labels.count_labels(connection, dataset)


@cache_for(SLOW_S)
def list_answers_to_label(
    url: str, identifier: str, units_done: int, label: str, labeller: str, order: str, metric: str, limit: int
) -> list[judged.ScoredAnswer]:
    """The next answers for this labeller."""
    with open_snapshot(url) as connection:
        return judged.next_to_label(
            connection,
            identifier,
            label=label,
            labeller=labeller,
            order=order,
            metric=metric,
            limit=limit,
        )


@cache_for(SLOW_S)
def list_contexts(url: str, identifier: str, case_no: int) -> tuple[str, ...] | None:
    """The contexts that an answer was generated from."""
    with open_snapshot(url) as connection:
        return judged.read_contexts(connection, runs.get(connection, identifier), case_no)


@st.cache_data(ttl=600, max_entries=8, show_spinner="Reading the file")
def read_label_columns(data: bytes, filename: str) -> tuple[str, ...]:
    """The columns of a file with labels."""
    return read_table(data, filename).columns


@st.cache_data(ttl=600, max_entries=16, show_spinner="Reading the file")
def preview_labels(
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
    """The result of importing this file; cached, because every change of the form runs the screen again."""
    return label_imports.preview_labels(
        open_engine(url),
        dataset=dataset,
        version=version,
        metric=metric,
        data=data,
        filename=filename,
        columns=dict(columns),
        scale=parse_scale(scale, words),
    )


register_reads(
    "labels", measure_run_agreement, count_labels, list_answers_to_label, list_contexts, preview_labels
)
register_reads("reviews", measure_production_agreement)
