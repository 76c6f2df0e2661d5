"""Splits of a dataset: the splits of a version, and a new version that is split by shares."""

from __future__ import annotations

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion, changes
from genaiops_core.evaluation.datasets.changes import SPLIT
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.reads import datasets
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

DEFAULT_SHARES = "dev=80 test=20"


def draw(screen: Screen, version: DatasetVersion) -> None:
    """Draw the current splits beside a preview of the splits by shares."""
    counts = datasets.count_facets(screen.url, version.dataset, version.version).splits
    current_column, planned_column = st.columns(2, gap="medium")
    with current_column:
        st.markdown(f"**Version {version.version}**")
        if set(counts) - {""}:
            _draw_counts(counts, key="dataset_splits_now")
        else:
            st.caption("No case has a split.")
    with planned_column:
        shares_text = st.text_input(
            "Shares",
            value=DEFAULT_SHARES,
            key=f"{dataset_keys.DATASET_SHARES}_{version.dataset}",
            help="NAME=SHARE, separated by blanks. The shares need not add up to 100.",
        )
        try:
            shares = changes.parse_shares(shares_text or "")
            cases = datasets.list_cases(screen.url, version.dataset, version.version)
            assigned = [str(case.metadata[SPLIT]) for case in changes.assign_splits(cases, shares)]
        except BadInput as error:
            st.error(units.escape_markdown(error), icon=":material/error:")
            return
        _draw_counts({name: assigned.count(name) for name in shares}, key="dataset_splits_then")
        st.caption(
            "The split of a case depends only on its input: new cases move no existing case, and equal questions "
            "are always in the same split."
        )
        if st.button(
            "Split as a new version",
            icon=":material/call_split:",
            key=dataset_keys.DATASET_SPLIT_SAVE,
            type="primary",
        ):
            _open_dialog(screen, version, shares)


def _draw_counts(counts: dict[str, int], *, key: str) -> None:
    total = sum(counts.values()) or 1
    column = tables.column
    tables.draw(
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


def _open_dialog(screen: Screen, version: DatasetVersion, shares: dict[str, float]) -> None:
    def act(reason: str) -> str:
        new_version = changes.split_version(
            screen.engine,
            actor=screen.actor,
            name=version.dataset,
            version=version.version,
            shares=shares,
            reason=reason,
        )
        dataset_choice.show_version(new_version)
        if not new_version.is_new:
            return f"Version {new_version.version} already has these splits."
        return f"Split {new_version.dataset} as version {new_version.version}."

    shares_text = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    confirm.open_dialog(
        "dataset_split",
        title="Split as a new version",
        icon=":material/call_split:",
        button="Split",
        act=act,
        sentence=f"Creates the next version of {units.escape_markdown(version.dataset)} with a split for every case: "
        f"{units.escape_markdown(shares_text)}.",
    )
