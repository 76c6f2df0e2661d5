"""Cached reads of datasets: their cases, versions, tags and uses, and the preview of an import."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import changes, exports, search
from genaiops_core.evaluation.datasets import uses as dataset_uses
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.search import CaseFilter, CasePage, Facets
from pages.parts.reads.cache import QUICK_S, SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot

MAX_COMPARED_CASES = 20_000
"""The most cases of two versions that a screen compares; the command line has no limit."""


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
    """The result of importing this file; cached by the id of the upload, because hashing 50 MB takes time too."""
    return datasets.preview_import(_data, filename, dict(mapping), sheet=sheet)


@cache_for(SLOW_S)
def search_cases(url: str, name: str, version: int, wanted: CaseFilter, limit: int, offset: int) -> CasePage:
    """One page of the cases that match."""
    with open_snapshot(url) as connection:
        return search.find_cases(connection, name, version, wanted, limit=limit, offset=offset)


@cache_for(SLOW_S)
def count_facets(url: str, name: str, version: int) -> Facets:
    """Number of cases by split and by state of review."""
    with open_snapshot(url) as connection:
        return search.count_facets(connection, name, version)


@cache_for(SLOW_S)
def list_cases(url: str, name: str, version: int) -> list[Case]:
    """Every case of a version."""
    with open_snapshot(url) as connection:
        return [case for _number, case in datasets.list_cases(connection, name, version)]


@cache_for(SLOW_S)
def diff_versions(url: str, name: str, before: int, after: int) -> changes.VersionDiff:
    """Cases that were added, removed or changed between two versions."""
    with open_snapshot(url) as connection:
        return changes.diff_versions(connection, name, before, after)


@cache_for(SLOW_S)
def list_tags(url: str, name: str) -> dict[str, int]:
    """Tag -> version."""
    with open_snapshot(url) as connection:
        return changes.list_tags(connection, name)


@cache_for(QUICK_S)
def list_uses(url: str, name: str) -> list[dataset_uses.DatasetUse]:
    """Evaluations of a dataset, newest first."""
    with open_snapshot(url) as connection:
        return dataset_uses.list_uses(connection, name)


def export_version(url: str, name: str, version: int, form: str) -> bytes:
    """A version as a file; built on download and not cached."""
    with open_snapshot(url) as connection:
        return b"".join(exports.write_cases(datasets.export_cases(connection, name, version), form))


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
