"""Splits of a dataset: how its cases fall now, and a new version in which they fall by shares."""

from __future__ import annotations

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, changes
from genaiops_core.evaluation.datasets.changes import SPLIT
from pages.parts.datasets import dataset_keys
from pages.parts.reads import cache, datasets
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

DEFAULT = "dev=80 test=20"


def draw(screen: Screen, version: DatasetVersion) -> None:
    """Splits as they are beside splits as the shares would make them."""
    now = datasets.count_facets(screen.url, version.dataset, version.version).splits
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Version {version.version}**")
        if set(now) - {""}:
            _draw(now, key="dataset_splits_now")
        else:
            st.caption("No case names a split.")
    with right:
        typed = st.text_input(
            "Shares",
            value=DEFAULT,
            key=f"{dataset_keys.DATASET_SHARES}_{version.dataset}",
            help="NAME=SHARE, any number of them; they need not add up to 100.",
        )
        try:
            shares = changes.parse_shares(typed or "")
            cases = datasets.list_cases(screen.url, version.dataset, version.version)
            assigned = [str(case.metadata[SPLIT]) for case in changes.assign_splits(cases, shares)]
        except BadInput as error:
            st.error(units.plain(error), icon=":material/error:")
            return
        _draw({name: assigned.count(name) for name in shares}, key="dataset_splits_then")
        st.caption(
            "A case falls by its input alone: cases that come later move no other, and the same question never "
            "stands in two splits."
        )
        if st.button(
            "Split as a new version",
            icon=":material/call_split:",
            key=dataset_keys.DATASET_SPLIT_SAVE,
            type="primary",
        ):
            _ask(screen, version, shares)


def _draw(counts: dict[str, int], *, key: str) -> None:
    total = sum(counts.values()) or 1
    column = tables.column
    tables.show(
        [
            {"split": name or "(none)", "cases": count, "share": 100 * count / total}
            for name, count in counts.items()
        ],
        {
            "split": column.TextColumn("Split"),
            "cases": column.NumberColumn("Cases", format="localized"),
            "share": column.NumberColumn("Share", format="%.1f %%"),
        },
        key=key,
        alt="Cases by split",
    )


def _ask(screen: Screen, version: DatasetVersion, shares: dict[str, float]) -> None:
    def act(reason: str) -> str:
        made = changes.split(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            shares=shares,
            reason=reason,
        )
        cache.invalidate("datasets")
        st.session_state[f"{dataset_keys.DATASET_VERSION}_{made.dataset}"] = made.version
        if not made.is_new:
            return f"Version {made.version} is split so already."
        return f"{made.dataset} version {made.version} is split."

    said = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    confirm.ask(
        "dataset_split",
        title="Split as a new version",
        icon=":material/call_split:",
        button="Split",
        act=act,
        sentence=f"The next version of {units.plain(version.dataset)} names a split for every case: {units.plain(said)}.",
    )
