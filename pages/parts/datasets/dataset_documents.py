"""The dialog in which a judge's model writes questions about documents; they wait for review."""

from __future__ import annotations

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.rate_limits import RateLimits, parse_spend_limit
from genaiops_core.evaluation.synthesis import chunks
from genaiops_core.evaluation.synthesis import generation as synthetic_datasets
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen

MOST_CASES = 100
"""A screen waits for them; `genaiops dataset synthesise` writes more."""


def ask(screen: Screen, dataset: str | None) -> None:
    """Open it; `dataset` is the one that is looked at."""
    confirm.ask(
        "dataset_documents",
        title="Write from documents",
        icon=":material/edit_document:",
        button="Write",
        act=lambda reason: _write(screen, reason),
        fields=lambda: _fields(screen, dataset),
        sentence="A model writes a question about each passage, with the answer and the passage as its context. What does "
        "not quote its passage is left out; the rest waits for review under **Edit**.",
        needs_reason=False,
        width="medium",
    )


def _fields(screen: Screen, dataset: str | None) -> None:
    st.file_uploader(
        "Documents",
        type=[ending.removeprefix(".") for ending in chunks.READ],
        accept_multiple_files=True,
        key=dataset_keys.WRITE_FILES,
        help="Text or Markdown; save other kinds as text first.",
    )
    dataset_choice.field(screen, dataset_keys.WRITE_DATASET, chosen=dataset)
    st.text_input(
        "Judge",
        key=dataset_keys.WRITE_JUDGE,
        placeholder="bedrock:MODEL or openai:MODEL@BASE_URL",
        help="The model that writes; see the how-to on judges.",
    )
    left, right = st.columns(2)
    left.number_input("Questions", min_value=1, max_value=MOST_CASES, value=20, key=dataset_keys.WRITE_CASES)
    right.number_input(
        "Spend limit, USD",
        min_value=0.0,
        value=None,
        step=0.1,
        key=dataset_keys.WRITE_LIMIT,
        placeholder="no limit",
    )


def _write(screen: Screen, reason: str) -> str:
    state = st.session_state
    files = state.get(dataset_keys.WRITE_FILES) or []
    if not files:
        raise BadInput("Give at least one document.")
    name = dataset_choice.named(dataset_keys.WRITE_DATASET)
    limit = state.get(dataset_keys.WRITE_LIMIT)
    documents = [chunks.read_document(file.getvalue(), file.name) for file in files]
    with st.spinner("The model writes"):
        done = synthetic_datasets.synthesise_now(
            screen.engine,
            actor=screen.actor,
            dataset=name,
            documents=documents,
            judge=str(state.get(dataset_keys.WRITE_JUDGE) or "").strip(),
            cases=int(state.get(dataset_keys.WRITE_CASES) or 20),
            pace=RateLimits(concurrency=4, spend_limit_nano_usd=parse_spend_limit(limit)),
            reason=reason,
        )
    dataset_choice.show(name, done.version)
    skipped = "".join(f" {count} left out: {why}." for why, count in done.skipped.items())
    waiting = units.things(done.added, "question waits", "questions wait")
    return f"{waiting} for review in {name}, for {units.usd(done.cost_nano_usd)}.{skipped}"
