"""Versions of a dataset: the list, the difference of two versions, tags, and the evaluations of each version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, changes
from genaiops_core.evaluation.datasets.changes import CaseChange, VersionDiff
from pages.parts.datasets import dataset_keys
from pages.parts.reads import cache, datasets
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

_MAX_ROWS = 200
"""Changed cases in the table; the command line lists any number."""


def draw(screen: Screen, versions: Sequence[DatasetVersion], current: DatasetVersion) -> None:
    """Draw the list of versions, the comparison of two and the evaluations of the dataset."""
    name = current.dataset
    tags = datasets.list_tags(screen.url, name)
    evaluations = datasets.list_uses(screen.url, name)
    column = tables.column
    tables.draw(
        [
            {
                "version": version.version,
                "tags": ", ".join(
                    tag for tag, tagged_version in tags.items() if tagged_version == version.version
                ),
                "cases": version.cases,
                "rejected": version.rejected,
                "evaluations": sum(evaluation.version == version.version for evaluation in evaluations),
                "source": version.source,
                "by": version.created_by,
                "at": version.created_at,
            }
            for version in versions
        ],
        {
            "version": column.NumberColumn("Version", width=70, pinned=True),
            "tags": column.TextColumn("Tags", width=120),
            "cases": column.NumberColumn("Cases", format="localized", width=80),
            "rejected": column.NumberColumn("Rejected rows", format="localized", width=110),
            "evaluations": column.NumberColumn("Evaluations", width=100),
            "source": column.TextColumn("Source", width="large"),
            "by": column.TextColumn("By"),
            "at": column.DatetimeColumn("Created", format="distance"),
        },
        key="dataset_versions",
        alt="Versions of this dataset",
        height=210 if len(versions) > 5 else "content",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        before, after = _choose_versions(versions, current)
        st.space("stretch")
        if st.button("Tag a version", icon=":material/sell:", key=dataset_keys.DATASET_TAG):
            _open_tag_dialog(screen, versions, current, tags)
    if before is not None and after is not None:
        _draw_comparison(screen.url, before, after)
    if evaluations:
        st.markdown("**Evaluations**")
        tables.draw(
            [
                vars(evaluation)
                | {"verdict": [evaluation.verdict] if evaluation.verdict else [], "state": [evaluation.state]}
                for evaluation in evaluations
            ],
            {
                "version": column.NumberColumn("Version", width=70),
                "application": column.TextColumn("Application"),
                "release": column.TextColumn("Release"),
                "judge": column.TextColumn("Judge"),
                "state": tables.state_column("State"),
                "verdict": tables.state_column("Verdict"),
                "created_at": column.DatetimeColumn("Started", format="distance"),
            },
            key="dataset_uses",
            alt="Evaluations of this dataset",
            height=210 if len(evaluations) > 5 else "content",
        )


def _choose_versions(
    versions: Sequence[DatasetVersion], current: DatasetVersion
) -> tuple[DatasetVersion | None, DatasetVersion | None]:
    """Draw the choice of two versions; the default is the current version and the one before it."""
    if len(versions) < 2:
        st.caption("The dataset has one version; a comparison needs two.")
        return None, None
    by_number = {version.version: version for version in versions}
    numbers = list(by_number)
    after_number = current.version if current.version != min(numbers) else max(numbers)
    before_number = max(number for number in numbers if number < after_number)
    # Another version on the screen starts with its own pair.
    widget_id = f"{current.dataset}_{current.version}"
    before = _draw_version_field(
        "From", numbers, before_number, key=f"{dataset_keys.DATASET_BEFORE}_{widget_id}"
    )
    after = _draw_version_field("To", numbers, after_number, key=f"{dataset_keys.DATASET_AFTER}_{widget_id}")
    return by_number[before], by_number[after]


def _draw_version_field(label: str, numbers: list[int], default: int, *, key: str) -> int:
    selected = st.selectbox(
        label,
        numbers,
        index=numbers.index(default),
        format_func=lambda number: f"{label.lower()} version {number}",
        key=key,
        label_visibility="collapsed",
        width=180,
    )
    return selected or default


def _draw_comparison(url: str, before: DatasetVersion, after: DatasetVersion) -> None:
    if before.version == after.version:
        st.caption("Choose two different versions.")
        return
    if before.cases + after.cases > datasets.MAX_COMPARED_CASES:
        st.caption(
            f"Both versions together have more than {datasets.MAX_COMPARED_CASES:,} cases; compare them with "
            "`genaiops dataset diff`."
        )
        return
    diff = datasets.diff_versions(url, before.dataset, before.version, after.version)
    with st.container(horizontal=True, gap="small"):
        st.badge(f"{len(diff.added):,} added", icon=":material/add:", color="blue" if diff.added else "gray")
        st.badge(
            f"{len(diff.removed):,} removed",
            icon=":material/remove:",
            color="blue" if diff.removed else "gray",
        )
        st.badge(
            f"{len(diff.changed):,} changed",
            icon=":material/edit:",
            color="blue" if diff.changed else "gray",
        )
        st.badge(f"{diff.unchanged:,} unchanged", icon=":material/equal:", color="gray")
    _draw_diff(diff)


def _draw_diff(diff: VersionDiff) -> None:
    rows = [
        {"what": "changed", "input": case_change.after.input, "fields": _format_fields(case_change)}
        for case_change in diff.changed
    ]
    rows += [{"what": "added", "input": case.input, "fields": ""} for case in diff.added]
    rows += [{"what": "removed", "input": case.input, "fields": ""} for case in diff.removed]
    if not rows:
        return
    column = tables.column
    row_number = tables.pick(
        rows[:_MAX_ROWS],
        {
            "what": column.TextColumn("Change", width=90),
            "input": column.TextColumn("Input", width="large"),
            "fields": column.TextColumn("Fields", width="medium"),
        },
        key=dataset_keys.DATASET_CHANGED,
        alt="Cases that differ between the two versions",
        height=210 if len(rows) > 5 else "content",
        default=0,
    )
    if len(rows) > _MAX_ROWS:
        st.caption(f"First {_MAX_ROWS} of {len(rows):,} cases; `genaiops dataset diff` lists all.")
    if row_number is not None and row_number < len(diff.changed):
        _draw_case_change(diff.changed[row_number])


def _format_fields(case_change: CaseChange) -> str:
    return ", ".join(difference.field for difference in case_change.differences)


def _draw_case_change(case_change: CaseChange) -> None:
    """Draw each changed field before and after, side by side."""
    for difference in case_change.differences:
        before_column, after_column = st.columns(2)
        for container, label, value in (
            (before_column, "before", difference.before),
            (after_column, "after", difference.after),
        ):
            container.caption(f"{units.escape_markdown(difference.field)}, {label}")
            container.code(
                _format_value(value),
                language=None,
                wrap_lines=True,
                height=min(200, 40 + len(_format_value(value)) // 3),
            )


def _format_value(value: Any) -> str:
    if value is None:
        return "(empty)"
    if isinstance(value, list):
        return "\n\n".join(str(item) for item in value) or "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _open_tag_dialog(
    screen: Screen, versions: Sequence[DatasetVersion], current: DatasetVersion, tags: dict[str, int]
) -> None:
    name = current.dataset

    def fields() -> None:
        numbers = [version.version for version in versions]
        st.selectbox(
            "Tag",
            list(tags),
            index=None,
            key=dataset_keys.DATASET_TAG_NAME,
            accept_new_options=True,
            format_func=lambda tag: f"{tag} (on version {tags[tag]})" if tag in tags else tag,
            placeholder="Choose a tag, or type a new name",
        )
        st.selectbox(
            "Version", numbers, index=numbers.index(current.version), key=dataset_keys.DATASET_TAG_VERSION
        )
        st.checkbox("Move the tag if another version has it", key=dataset_keys.DATASET_TAG_MOVES)

    def act(reason: str) -> str:
        tag = str(st.session_state.get(dataset_keys.DATASET_TAG_NAME) or "").strip()
        version = int(st.session_state.get(dataset_keys.DATASET_TAG_VERSION) or current.version)
        current_version = tags.get(tag)
        if current_version not in (None, version) and not st.session_state.get(
            dataset_keys.DATASET_TAG_MOVES
        ):
            raise BadInput(
                f"Version {current_version} already has the tag {tag}; tick the box to move the tag."
            )
        changes.tag_version(
            screen.engine, actor=screen.actor, name=name, version=version, tag=tag, reason=reason
        )
        cache.invalidate("datasets")
        return f"Tagged {name} version {version} as {tag}."

    confirm.open_dialog(
        "dataset_tag",
        title="Add a tag to a version",
        icon=":material/sell:",
        button="Tag",
        act=act,
        fields=fields,
        sentence="Evaluations and exports accept a tag instead of a version number.",
    )
