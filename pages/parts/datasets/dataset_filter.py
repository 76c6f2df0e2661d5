"""The filter of the cases of a version: by split, review and words, with pages."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.datasets import DatasetVersion
from genaiops_core.evaluation.datasets.search import CaseFilter, CasePage
from pages.parts.datasets import dataset_keys
from pages.parts.reads import datasets
from pages.parts.shared import units

PAGE = 25
_NONE = "(none)"


@dataclass(frozen=True, kw_only=True)
class CaseView:
    """A filter and one page of its cases."""

    case_filter: CaseFilter
    case_page: CasePage
    page: int
    page_count: int
    name: str
    """Names filter and page: equal names mean equal cases of a version, so it is safe in widget keys."""


def draw_filters(url: str, version: DatasetVersion) -> CaseView:
    """Draw the filters and read the page of cases; `draw_pages` draws the page selector below the cases."""
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
        split = _draw_facet("Split", "All splits", dataset_keys.DATASET_SPLIT, version.dataset, facets.splits)
        review = _draw_facet(
            "Review", "Any review", dataset_keys.DATASET_REVIEW, version.dataset, facets.reviews
        )
        case_filter = CaseFilter(split=split, review=review, words=(words or "").strip() or None)
        filter_name = f"{split}_{review}_{case_filter.words}"
        # The key names the filter, so that a new filter starts at its first page.
        page = int(st.session_state.get(_build_page_key(version.dataset, filter_name)) or 1)
        case_page = _read_page(url, version, case_filter, page)
        page_count = max(1, -(-case_page.total // PAGE))
        # An edit may have removed the last page.
        if page > page_count:
            page, case_page = page_count, _read_page(url, version, case_filter, page_count)
        st.space("stretch")
        st.caption(units.format_quantity(case_page.total, "case"), width="content")
    return CaseView(
        case_filter=case_filter,
        case_page=case_page,
        page=page,
        page_count=page_count,
        name=f"{filter_name}_{page}",
    )


def draw_pages(view: CaseView, dataset: str) -> None:
    """Draw the page selector if there is more than one page."""
    if view.page_count > 1:
        with st.container(horizontal_alignment="right"):
            st.pagination(view.page_count, key=_build_page_key(dataset, view.name.rpartition("_")[0]))


def _build_page_key(dataset: str, view: str) -> str:
    return f"{dataset_keys.DATASET_PAGE}_{dataset}_{view}"


def _read_page(url: str, version: DatasetVersion, case_filter: CaseFilter, page: int) -> CasePage:
    return datasets.search_cases(url, version.dataset, version.version, case_filter, PAGE, (page - 1) * PAGE)


def _draw_facet(label: str, placeholder: str, key: str, dataset: str, counts: dict[str, int]) -> str | None:
    """Draw a choice of the existing values; draws nothing when no case has a value."""
    if not set(counts) - {""}:
        return None
    selected = st.selectbox(
        label,
        list(counts),
        index=None,
        placeholder=placeholder,
        format_func=lambda value: f"{value or _NONE} ({counts.get(value, 0):,})",
        key=f"{key}_{dataset}",
        label_visibility="collapsed",
        width=170,
    )
    return selected if selected in counts else None
