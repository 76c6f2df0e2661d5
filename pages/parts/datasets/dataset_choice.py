"""The dataset field of dialogs that add cases, and the update of the screen after cases were added."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion
from pages.parts.datasets import dataset_keys
from pages.parts.reads import cache, datasets
from pages.parts.shared.frame import Screen


def draw_field(
    screen: Screen, key: str, *, selected: str | None = None, container: DeltaGenerator | None = None
) -> None:
    """Draw a field for an existing dataset or a new name; `selected` is the dataset on screen."""
    names = [dataset.dataset for dataset in datasets.list_datasets(screen.url)]
    (container or st).selectbox(
        "Dataset",
        names,
        index=names.index(selected) if selected in names else None,
        key=key,
        accept_new_options=True,
        placeholder="Choose a dataset, or type a new name",
    )


def read_name(key: str) -> str:
    """Read the name from the field `key`.

    Raises:
        BadInput: the field is empty.
    """
    name = str(st.session_state.get(key) or "").strip()
    if not name:
        raise BadInput("Choose a dataset, or type the name of a new one.")
    return name


def format_skipped(skipped: Mapping[str, int]) -> str:
    """Format the counts of skipped cases by reason, as a sentence with a leading blank; '' without any."""
    counts = "; ".join(f"{count} ({reason})" for reason, count in skipped.items())
    return f" Skipped: {counts}." if counts else ""


def select_version(name: str, version: DatasetVersion | None) -> None:
    """Select dataset `name` in the table, in its new version; None keeps the version."""
    # The names are counted: each addition gives the table and the file field new keys, which resets both.
    state = st.session_state
    state[dataset_keys.DATASET_IMPORTED] = [*state.get(dataset_keys.DATASET_IMPORTED, []), name]
    if version is None:
        cache.invalidate("datasets")
    else:
        show_version(version)


def show_version(version: DatasetVersion) -> None:
    """Drop cached reads of datasets and show `version` of the dataset on screen."""
    cache.invalidate("datasets")
    st.session_state[f"{dataset_keys.DATASET_VERSION}_{version.dataset}"] = version.version
