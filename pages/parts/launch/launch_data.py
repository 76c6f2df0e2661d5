"""The first section of the form: dataset, version, sample, split and release."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.datasets import case_review
from genaiops_core.evaluation.runs.estimate import Coverage
from pages.parts.launch import launch_keys
from pages.parts.reads import datasets, launch, releases
from pages.parts.shared import keys, units
from pages.parts.shared.frame import Screen

NO_RELEASE = "No release"


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The chosen cases and the release that they evaluate."""

    dataset: str
    version: int
    split: str
    """'' means all cases."""
    sample_size: int | None
    application: str
    release: str
    coverage: Coverage
    is_generated: bool = False
    """Whether a target generates the answers."""

    def with_answers(self) -> Cases:
        """Return the same cases with an answer for each, as a target will generate them."""
        return dataclasses.replace(self, coverage=self.coverage.with_answers(), is_generated=True)

    def count_scored(self, limit: int | None) -> int:
        """Return the number of cases that will be scored; `limit` applies when no sample size was chosen."""
        return min(self.coverage.cases, self.sample_size or limit or self.coverage.cases)


def find_wrong_link(screen: Screen) -> str:
    """What the URL names that does not exist, as a sentence; '' when all of it exists."""
    dataset = st.query_params.get(keys.DATASET)
    if dataset and dataset not in [summary.dataset for summary in datasets.list_datasets(screen.url)]:
        return f"There is no dataset {dataset}"
    release = _read_linked_release()
    if release and release not in [item.name for item in releases.list_releases(screen.url, None)]:
        return f"There is no release {release}"
    return ""


def _read_linked_release() -> str:
    """`application/release` of the URL; '' without a release."""
    release = st.query_params.get(keys.RELEASE)
    return f"{st.query_params.get(keys.APPLICATION, '')}/{release}" if release else ""


def _apply_link() -> None:
    """Choose what the URL names, once: the user may change it afterwards."""
    link = (st.query_params.get(keys.DATASET), _read_linked_release())
    if st.session_state.get(launch_keys.LINK) == link and launch_keys.RUN_DATASET in st.session_state:
        return
    st.session_state[launch_keys.LINK] = link
    for key, value in zip((launch_keys.RUN_DATASET, launch_keys.RUN_RELEASE), link, strict=True):
        if value:
            st.session_state[key] = value


def draw(screen: Screen, application: str | None) -> Cases:
    """Draw dataset, version, sample and release; offers the releases of `application`, None offers all."""
    summaries = {
        dataset_summary.dataset: dataset_summary for dataset_summary in datasets.list_datasets(screen.url)
    }
    _apply_link()
    dataset_column, version_column, sample_column = st.columns([3, 2, 2])
    dataset = dataset_column.selectbox(
        "Dataset",
        list(summaries),
        format_func=lambda release_name: f"{release_name} ({summaries[release_name].cases:,} cases)",
        key=launch_keys.RUN_DATASET,
    )
    versions = {item.version: item for item in datasets.list_versions(screen.url, dataset)}
    tags = datasets.list_tags(screen.url, dataset)
    version = version_column.selectbox(
        "Version",
        list(versions),
        format_func=lambda number: _format_version(number, versions[number].cases, tags),
        # The key names the dataset, so that another dataset starts at its own newest version.
        key=f"{launch_keys.RUN_VERSION}_{dataset}",
    )
    sample_size = sample_column.number_input(
        "Sample size",
        min_value=1,
        value=None,
        step=1,
        key=launch_keys.RUN_SAMPLE,
        placeholder="as set by the pipeline",
        help="Sampled by hash: the same dataset and size give the same cases, so evaluations stay comparable.",
    )
    split = _draw_split(screen, dataset, version)
    if pending_count := datasets.count_facets(screen.url, dataset, version).reviews.get(case_review.PENDING):
        st.caption(
            f":material/hourglass: {units.format_quantity(pending_count, 'generated case')} not reviewed yet, excluded."
        )
    release_names = [NO_RELEASE, *(item.name for item in releases.list_releases(screen.url, application))]
    release = st.selectbox(
        "Release",
        release_names,
        key=launch_keys.RUN_RELEASE,
        help="The release that is evaluated. Gates on cost, latency and regression need it.",
    )
    release_application, _, release_name = (
        release.partition("/") if release and release != NO_RELEASE else ("", "", "")
    )
    return Cases(
        dataset=dataset,
        version=version,
        split=split,
        sample_size=sample_size,
        application=release_application,
        release=release_name,
        coverage=launch.measure_coverage(screen.url, dataset, version, split),
    )


def _draw_split(screen: Screen, dataset: str, version: int) -> str:
    """Draw the choice of a split if the version has any; returns '' for all cases."""
    splits = {
        name: count
        for name, count in datasets.count_facets(screen.url, dataset, version).splits.items()
        if name
    }
    if not splits:
        return ""
    split = st.segmented_control(
        "Split",
        list(splits),
        format_func=lambda name: f"{name} ({splits[name]:,})",
        key=f"{launch_keys.RUN_SPLIT}_{dataset}_{version}",
        help="A named part of the dataset, for example dev or test. Without a split, all cases are scored.",
    )
    return split or ""


def _format_version(number: int, cases: int, tags: Mapping[str, int]) -> str:
    tag_names = "".join(
        f", {tag}" for tag, tagged_version in sorted(tags.items()) if tagged_version == number
    )
    return f"v{number}{tag_names}, {units.format_quantity(cases, 'case')}"
