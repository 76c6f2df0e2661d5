"""The first part of a new run: which cases, whose answers, whose quality."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.datasets import case_review
from genaiops_core.evaluation.runs.preflight import Coverage
from pages.parts.launch import launch_keys
from pages.parts.reads import datasets, launch, releases
from pages.parts.shared import units
from pages.parts.shared.frame import Screen

NO_RELEASE = "No release"


@dataclass(frozen=True, kw_only=True)
class Cases:
    """What was chosen."""

    dataset: str
    version: int
    split: str
    """'' takes all cases."""
    sample_size: int | None
    application: str
    release: str
    coverage: Coverage
    is_generated: bool = False
    """Whether a target answers the cases first."""

    def answered(self) -> Cases:
        """The same cases once a target has answered every one of them."""
        return dataclasses.replace(self, coverage=self.coverage.with_answers(), is_generated=True)

    def used(self, most: int | None) -> int:
        """Cases that will be scored, where the pipeline asks for `most` unless a sample size was given."""
        return min(self.coverage.cases, self.sample_size or most or self.coverage.cases)


def draw(screen: Screen, application: str | None) -> Cases:
    """Dataset, version, sample and release; releases of `application` are offered, or of all."""
    suites = {one.dataset: one for one in datasets.list_datasets(screen.url)}
    left, middle, right = st.columns([3, 2, 2])
    dataset = left.selectbox(
        "Dataset",
        list(suites),
        format_func=lambda name: f"{name} ({suites[name].cases:,} cases)",
        key=launch_keys.RUN_DATASET,
    )
    versions = {one.version: one for one in datasets.list_versions(screen.url, dataset)}
    named = datasets.list_tags(screen.url, dataset)
    version = middle.selectbox(
        "Version",
        list(versions),
        format_func=lambda number: _version(number, versions[number].cases, named),
        # A dataset's versions are its own: another dataset starts at its newest again.
        key=f"{launch_keys.RUN_VERSION}_{dataset}",
    )
    sample = right.number_input(
        "Sample size",
        min_value=1,
        value=None,
        step=1,
        key=launch_keys.RUN_SAMPLE,
        placeholder="as many as the gates ask",
        help="Drawn by hash: the same dataset and size give the same cases, so runs can be compared.",
    )
    split = _split(screen, dataset, version)
    if waiting := datasets.count_facets(screen.url, dataset, version).reviews.get(case_review.PENDING):
        st.caption(
            f":material/hourglass: {units.things(waiting, 'generated case')} not reviewed yet: left out of the run."
        )
    names = [NO_RELEASE, *(one.name for one in releases.list_releases(screen.url, application))]
    release = st.selectbox(
        "Release",
        names,
        key=launch_keys.RUN_RELEASE,
        help="Whose quality this is. Gates on cost, latency and regression need it.",
    )
    owner, _, name = release.partition("/") if release and release != NO_RELEASE else ("", "", "")
    return Cases(
        dataset=dataset,
        version=version,
        split=split,
        sample_size=sample,
        application=owner,
        release=name,
        coverage=launch.measure_coverage(screen.url, dataset, version, split),
    )


def _split(screen: Screen, dataset: str, version: int) -> str:
    """Which split, where the version has any; '' for all of its cases."""
    splits = {
        name: count
        for name, count in datasets.count_facets(screen.url, dataset, version).splits.items()
        if name
    }
    if not splits:
        return ""
    chosen = st.segmented_control(
        "Split",
        list(splits),
        format_func=lambda name: f"{name} ({splits[name]:,})",
        key=f"{launch_keys.RUN_SPLIT}_{dataset}_{version}",
        help="Without one, all cases are scored.",
    )
    return chosen or ""


def _version(number: int, cases: int, named: Mapping[str, int]) -> str:
    tags = "".join(f", {tag}" for tag, tagged in sorted(named.items()) if tagged == number)
    return f"v{number}{tags}, {units.things(cases, 'case')}"
