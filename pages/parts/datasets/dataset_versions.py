"""Versions of a dataset: what each is, what changed between two, their tags, and the evaluations made on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, changes
from genaiops_core.evaluation.datasets.changes import Changed, Diff
from pages.parts.datasets import dataset_keys
from pages.parts.reads import cache, datasets
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

_MOST_SHOWN = 200


def draw(screen: Screen, versions: Sequence[DatasetVersion], current: DatasetVersion) -> None:
    """The list, the comparison, and who used which."""
    name = current.dataset
    tags = datasets.list_tags(screen.url, name)
    uses = datasets.list_uses(screen.url, name)
    column = tables.column
    tables.show(
        [
            {
                "version": one.version,
                "tags": ", ".join(tag for tag, at in tags.items() if at == one.version),
                "cases": one.cases,
                "rejected": one.rejected,
                "evaluations": sum(use.version == one.version for use in uses),
                "source": one.source,
                "by": one.created_by,
                "at": one.created_at,
            }
            for one in versions
        ],
        {
            "version": column.NumberColumn("Version", width=70, pinned=True),
            "tags": column.TextColumn("Tags", width=120),
            "cases": column.NumberColumn("Cases", format="localized", width=80),
            "rejected": column.NumberColumn("Rejected rows", format="localized", width=110),
            "evaluations": column.NumberColumn("Evaluations", width=100),
            "source": column.TextColumn("Source", width="large"),
            "by": column.TextColumn("By"),
            "at": column.DatetimeColumn("Made", format="distance"),
        },
        key="dataset_versions",
        alt="Versions of this dataset",
        height=210 if len(versions) > 5 else "content",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        old, new = _choose(versions, current)
        st.space("stretch")
        if st.button("Tag a version", icon=":material/sell:", key=dataset_keys.DATASET_TAG):
            _ask_tag(screen, versions, current, tags)
    if old is not None and new is not None:
        _compare(screen.url, old, new)
    if uses:
        st.markdown("**Evaluations**")
        tables.show(
            [
                vars(use) | {"verdict": [use.verdict] if use.verdict else [], "state": [use.state]}
                for use in uses
            ],
            {
                "version": column.NumberColumn("Version", width=70),
                "application": column.TextColumn("Application"),
                "release": column.TextColumn("Release"),
                "judge": column.TextColumn("Judge"),
                "state": tables.states("State"),
                "verdict": tables.states("Verdict"),
                "created_at": column.DatetimeColumn("Started", format="distance"),
            },
            key="dataset_uses",
            alt="Evaluations of this dataset",
            height=210 if len(uses) > 5 else "content",
        )


def _choose(
    versions: Sequence[DatasetVersion], current: DatasetVersion
) -> tuple[DatasetVersion | None, DatasetVersion | None]:
    """Two versions to compare; the one before the current and the current, unless chosen otherwise."""
    if len(versions) < 2:
        st.caption("There is one version; a second can be compared with it.")
        return None, None
    by_number = {one.version: one for one in versions}
    numbers = list(by_number)
    after = current.version if current.version != min(numbers) else max(numbers)
    before = max(number for number in numbers if number < after)
    picked = [
        st.selectbox(
            label,
            numbers,
            index=numbers.index(default),
            format_func=lambda number, label=label: f"{label.lower()} version {number}",  # type: ignore[misc]
            key=f"{key}_{current.dataset}_{current.version}",
            label_visibility="collapsed",
            width=180,
        )
        for label, key, default in (
            ("From", dataset_keys.DATASET_BEFORE, before),
            ("To", dataset_keys.DATASET_AFTER, after),
        )
    ]
    return by_number[picked[0] or before], by_number[picked[1] or after]


def _compare(url: str, old: DatasetVersion, new: DatasetVersion) -> None:
    if old.version == new.version:
        st.caption("Choose two different versions.")
        return
    if old.cases + new.cases > datasets.MAX_COMPARED_CASES:
        st.caption(
            f"Together they have more than {datasets.MAX_COMPARED_CASES:,} cases: compare them with "
            "`genaiops dataset diff`."
        )
        return
    found = datasets.diff_versions(url, old.dataset, old.version, new.version)
    with st.container(horizontal=True, gap="small"):
        st.badge(
            f"{len(found.added):,} added", icon=":material/add:", color="blue" if found.added else "gray"
        )
        st.badge(
            f"{len(found.removed):,} removed",
            icon=":material/remove:",
            color="blue" if found.removed else "gray",
        )
        st.badge(
            f"{len(found.changed):,} changed",
            icon=":material/edit:",
            color="blue" if found.changed else "gray",
        )
        st.badge(f"{found.unchanged:,} the same", icon=":material/equal:", color="gray")
    _draw_diff(found)


def _draw_diff(found: Diff) -> None:
    rows = [{"what": "changed", "input": one.after.input, "fields": _fields(one)} for one in found.changed]
    rows += [{"what": "added", "input": case.input, "fields": ""} for case in found.added]
    rows += [{"what": "removed", "input": case.input, "fields": ""} for case in found.removed]
    if not rows:
        return
    column = tables.column
    picked = tables.pick(
        rows[:_MOST_SHOWN],
        {
            "what": column.TextColumn("What", width=90),
            "input": column.TextColumn("Input", width="large"),
            "fields": column.TextColumn("Fields", width="medium"),
        },
        key=dataset_keys.DATASET_CHANGED,
        alt="Cases that differ between the two versions",
        height=210 if len(rows) > 5 else "content",
        default=0,
    )
    if len(rows) > _MOST_SHOWN:
        st.caption(f"The first {_MOST_SHOWN} of {len(rows):,}; `genaiops dataset diff` lists all.")
    if picked is not None and picked < len(found.changed):
        _draw_changed(found.changed[picked])


def _fields(one: Changed) -> str:
    return ", ".join(different.field for different in one.differences)


def _draw_changed(one: Changed) -> None:
    """Before and after, side by side, field by field."""
    for different in one.differences:
        left, right = st.columns(2)
        for place, label, value in ((left, "before", different.before), (right, "after", different.after)):
            place.caption(f"{units.plain(different.field)}, {label}")
            place.code(
                _shown(value), language=None, wrap_lines=True, height=min(200, 40 + len(_shown(value)) // 3)
            )


def _shown(value: Any) -> str:
    if value is None:
        return "(nothing)"
    if isinstance(value, list):
        return "\n\n".join(str(item) for item in value) or "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _ask_tag(
    screen: Screen, versions: Sequence[DatasetVersion], current: DatasetVersion, tags: dict[str, int]
) -> None:
    name = current.dataset

    def fields() -> None:
        numbers = [one.version for one in versions]
        st.selectbox(
            "Tag",
            list(tags),
            index=None,
            key=dataset_keys.DATASET_TAG_NAME,
            accept_new_options=True,
            format_func=lambda tag: f"{tag} (on version {tags[tag]})" if tag in tags else tag,
            placeholder="Choose one, or type a new name",
        )
        st.selectbox(
            "Version", numbers, index=numbers.index(current.version), key=dataset_keys.DATASET_TAG_VERSION
        )
        st.checkbox("Move it if it stands on another version", key=dataset_keys.DATASET_TAG_MOVES)

    def act(reason: str) -> str:
        tag = str(st.session_state.get(dataset_keys.DATASET_TAG_NAME) or "").strip()
        version = int(st.session_state.get(dataset_keys.DATASET_TAG_VERSION) or current.version)
        before = tags.get(tag)
        if before not in (None, version) and not st.session_state.get(dataset_keys.DATASET_TAG_MOVES):
            raise BadInput(f"{tag} stands on version {before}; tick the box to move it.")
        changes.tag(screen.engine, actor=screen.actor, name=name, version=version, tag=tag, reason=reason)
        cache.invalidate("datasets")
        return f"{name} version {version} is {tag}."

    confirm.ask(
        "dataset_tag",
        title="Tag a version",
        icon=":material/sell:",
        button="Tag",
        act=act,
        fields=fields,
        sentence="Evaluations and exports can name a tag instead of a number.",
    )
