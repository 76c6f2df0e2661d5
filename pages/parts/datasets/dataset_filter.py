"""Which cases of a version are looked at: by split, review and words, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.datasets import DatasetVersion
from genaiops_core.evaluation.datasets.search import Found, Wanted
from pages.parts.datasets import dataset_keys
from pages.parts.reads import datasets
from pages.parts.shared import units

PAGE = 25
_NONE = "(none)"


@dataclass(frozen=True, kw_only=True)
class View:
    """What the filters ask for, and the page of it that is shown."""

    wanted: Wanted
    found: Found
    page: int
    pages: int
    name: str
    """Of the filter and the page: the same name shows the same cases of a version."""


def choose(url: str, version: DatasetVersion) -> View:
    """Draw the filters and read their page; the pager comes from `draw_pages`, below the cases."""
    facets = datasets.count_facets(url, version.dataset, version.version)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = st.text_input(
            "Words",
            key=f"{dataset_keys.DATASET_WORDS}_{version.dataset}",
            type="search",
            placeholder="Words in input, answer or reference",
            icon=":material/search:",
            label_visibility="collapsed",
            width=300,
        )
        split = _facet("Split", "All splits", dataset_keys.DATASET_SPLIT, version.dataset, facets.splits)
        review = _facet("Review", "Any review", dataset_keys.DATASET_REVIEW, version.dataset, facets.reviews)
        wanted = Wanted(split=split, review=review, words=(words or "").strip() or None)
        view = f"{split}_{review}_{wanted.words}"
        page = int(st.session_state.get(_page_key(version.dataset, view)) or 1)
        found = _read(url, version, wanted, page)
        pages = max(1, -(-found.total // PAGE))
        if page > pages:
            page, found = pages, _read(url, version, wanted, pages)
        st.space("stretch")
        st.caption(units.things(found.total, "case"), width="content")
    return View(wanted=wanted, found=found, page=page, pages=pages, name=f"{view}_{page}")


def draw_pages(view: View, dataset: str) -> None:
    """The pager, where there is more than one page."""
    if view.pages > 1:
        with st.container(horizontal_alignment="right"):
            st.pagination(view.pages, key=_page_key(dataset, view.name.rpartition("_")[0]))


def _page_key(dataset: str, view: str) -> str:
    return f"{dataset_keys.DATASET_PAGE}_{dataset}_{view}"


def _read(url: str, version: DatasetVersion, wanted: Wanted, page: int) -> Found:
    return datasets.search_cases(url, version.dataset, version.version, wanted, PAGE, (page - 1) * PAGE)


def _facet(label: str, every: str, key: str, dataset: str, counts: dict[str, int]) -> str | None:
    """A choice among the values there are; not drawn where every case has none."""
    if not set(counts) - {""}:
        return None
    picked = st.selectbox(
        label,
        list(counts),
        index=None,
        placeholder=every,
        format_func=lambda value: f"{value or _NONE} ({counts.get(value, 0):,})",
        key=f"{key}_{dataset}",
        label_visibility="collapsed",
        width=170,
    )
    return picked if picked in counts else None
