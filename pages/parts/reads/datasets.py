"""Cached reads of datasets: their cases, their versions and what a file would give."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import changes, exports, search
from genaiops_core.evaluation.datasets import uses as dataset_uses
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.search import Facets, Found, Wanted
from pages.parts import reads
from pages.parts.reads import QUICK_S, SLOW_S, cached, snapshot

MOST_COMPARED = 20_000
"""Cases of two versions that a screen compares; the command line compares any number."""


@st.cache_data(ttl=600, max_entries=8, show_spinner="Reading the file")
def preview(
    file_id: str, _data: bytes, filename: str, mapping: tuple[tuple[str, str], ...], sheet: str | None
) -> datasets.Preview:
    """What an import of this file would give; kept by the id of the upload, because hashing 50 MB takes time too."""
    return datasets.preview(_data, filename, dict(mapping), sheet=sheet)


@cached(SLOW_S)
def find(url: str, name: str, version: int, wanted: Wanted, limit: int, offset: int) -> Found:
    """One page of the cases that are wanted."""
    with snapshot(url) as connection:
        return search.find(connection, name, version, wanted, limit=limit, offset=offset)


@cached(SLOW_S)
def facets(url: str, name: str, version: int) -> Facets:
    """How many cases are in which split, and in which state of review."""
    with snapshot(url) as connection:
        return search.facets(connection, name, version)


@cached(SLOW_S)
def all_cases(url: str, name: str, version: int) -> list[Case]:
    """Every case of a version."""
    with snapshot(url) as connection:
        return [case for _number, case in datasets.cases(connection, name, version)]


@cached(SLOW_S)
def diff(url: str, name: str, before: int, after: int) -> changes.Diff:
    """What one version has that another has not."""
    with snapshot(url) as connection:
        return changes.diff(connection, name, before, after)


@cached(SLOW_S)
def tags(url: str, name: str) -> dict[str, int]:
    """Tag -> version."""
    with snapshot(url) as connection:
        return changes.tags(connection, name)


@cached(QUICK_S)
def uses(url: str, name: str) -> list[dataset_uses.Use]:
    """Evaluations of a dataset, newest first."""
    with snapshot(url) as connection:
        return dataset_uses.uses(connection, name)


def exported(url: str, name: str, version: int, form: str) -> bytes:
    """A version as a file; made when it is asked for, and not kept."""
    with snapshot(url) as connection:
        return b"".join(exports.write(datasets.export(connection, name, version), form))


reads.forgets("datasets", find, facets, all_cases, diff, tags, uses)
