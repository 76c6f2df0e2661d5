"""Cached reads of datasets: their cases, their versions and what a file would give."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import changes, exports, search
from genaiops_core.evaluation.datasets import uses as dataset_uses
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.search import Facets, Found, Wanted
from pages.parts.reads.cache import QUICK_S, SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot

MAX_COMPARED_CASES = 20_000
"""Cases of two versions that a screen compares; the command line compares any number."""


@cache_for(SLOW_S)
def list_datasets(url: str) -> list[datasets.Dataset]:
    """Datasets, each with its newest version."""
    with open_snapshot(url) as connection:
        return datasets.list_datasets(connection)


@cache_for(SLOW_S)
def list_versions(url: str, name: str) -> list[datasets.DatasetVersion]:
    """Versions of one dataset, newest first."""
    with open_snapshot(url) as connection:
        return datasets.list_versions(connection, name)


@st.cache_data(ttl=600, max_entries=8, show_spinner="Reading the file")
def preview_import(
    file_id: str, _data: bytes, filename: str, mapping: tuple[tuple[str, str], ...], sheet: str | None
) -> datasets.Preview:
    """What an import of this file would give; kept by the id of the upload, because hashing 50 MB takes time too."""
    return datasets.preview(_data, filename, dict(mapping), sheet=sheet)


@cache_for(SLOW_S)
def search_cases(url: str, name: str, version: int, wanted: Wanted, limit: int, offset: int) -> Found:
    """One page of the cases that are wanted."""
    with open_snapshot(url) as connection:
        return search.find(connection, name, version, wanted, limit=limit, offset=offset)


@cache_for(SLOW_S)
def count_facets(url: str, name: str, version: int) -> Facets:
    """How many cases are in which split, and in which state of review."""
    with open_snapshot(url) as connection:
        return search.facets(connection, name, version)


@cache_for(SLOW_S)
def list_cases(url: str, name: str, version: int) -> list[Case]:
    """Every case of a version."""
    with open_snapshot(url) as connection:
        return [case for _number, case in datasets.cases(connection, name, version)]


@cache_for(SLOW_S)
def diff_versions(url: str, name: str, before: int, after: int) -> changes.Diff:
    """What one version has that another has not."""
    with open_snapshot(url) as connection:
        return changes.diff(connection, name, before, after)


@cache_for(SLOW_S)
def list_tags(url: str, name: str) -> dict[str, int]:
    """Tag -> version."""
    with open_snapshot(url) as connection:
        return changes.tags(connection, name)


@cache_for(QUICK_S)
def list_uses(url: str, name: str) -> list[dataset_uses.Use]:
    """Evaluations of a dataset, newest first."""
    with open_snapshot(url) as connection:
        return dataset_uses.uses(connection, name)


def export_version(url: str, name: str, version: int, form: str) -> bytes:
    """A version as a file; made when it is asked for, and not kept."""
    with open_snapshot(url) as connection:
        return b"".join(exports.write(datasets.export(connection, name, version), form))


register_reads(
    "datasets",
    list_datasets,
    list_versions,
    search_cases,
    count_facets,
    list_cases,
    diff_versions,
    list_tags,
    list_uses,
)
