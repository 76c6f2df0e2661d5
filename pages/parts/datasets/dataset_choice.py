"""The field that names a dataset in dialogs that add cases to one, and what is shown once they are in."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion
from pages.parts.datasets import dataset_keys
from pages.parts.reads import cache, datasets
from pages.parts.shared.frame import Screen


def field(
    screen: Screen, key: str, *, chosen: str | None = None, place: DeltaGenerator | None = None
) -> None:
    """A dataset there is, or the name of a new one; `chosen` is the one that is looked at."""
    names = [one.dataset for one in datasets.list_datasets(screen.url)]
    (place or st).selectbox(
        "Dataset",
        names,
        index=names.index(chosen) if chosen in names else None,
        key=key,
        accept_new_options=True,
        placeholder="Choose one, or type a new name",
    )


def named(key: str) -> str:
    """What the field says.

    Raises:
        BadInput: nothing.
    """
    name = str(st.session_state.get(key) or "").strip()
    if not name:
        raise BadInput("Choose a dataset, or type the name of a new one.")
    return name


def show(name: str, version: DatasetVersion | None) -> None:
    """Read datasets again, and look at this one, in the version that was made."""
    state = st.session_state
    cache.invalidate("datasets")
    state[dataset_keys.DATASET_IMPORTED] = [*state.get(dataset_keys.DATASET_IMPORTED, []), name]
    if version is not None:
        state[f"{dataset_keys.DATASET_VERSION}_{name}"] = version.version
