"""The field that names a dataset in dialogs that add cases to one, and what is shown once they are in."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import DatasetVersion
from pages.parts import reads
from pages.parts.shared import keys
from pages.parts.shared.frame import Screen


def field(here: Screen, key: str, *, chosen: str | None = None, place: DeltaGenerator | None = None) -> None:
    """A dataset there is, or the name of a new one; `chosen` is the one that is looked at."""
    names = [one.dataset for one in reads.list_datasets(here.url)]
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
    reads.changed("datasets")
    state[keys.DATASET_IMPORTED] = [*state.get(keys.DATASET_IMPORTED, []), name]
    if version is not None:
        state[f"{keys.DATASET_VERSION}_{name}"] = version.version
