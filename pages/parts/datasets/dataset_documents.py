"""The dialog that generates cases from documents with a model; generated cases need a review."""

from __future__ import annotations

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.rate_limits import RateLimits, parse_spend_limit
from genaiops_core.evaluation.synthesis import chunks
from genaiops_core.evaluation.synthesis import generation as synthetic_datasets
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen

MAX_CASES = 100
"""The screen blocks while the model generates; `genaiops dataset synthesise` has no such limit."""


def open_dialog(screen: Screen, dataset: str | None) -> None:
    """Open the dialog; `dataset` is the dataset on screen."""
    confirm.open_dialog(
        "dataset_documents",
        title="Generate from documents",
        icon=":material/edit_document:",
        button="Generate",
        act=lambda reason: _synthesise(screen, reason),
        fields=lambda: _draw_fields(screen, dataset),
        sentence="A model generates a question about each passage, with the answer and the passage as context. Cases "
        "that do not quote their passage are skipped. Review the others on the tab **Edit**.",
        needs_reason=False,
        width="medium",
    )


def _draw_fields(screen: Screen, dataset: str | None) -> None:
    st.file_uploader(
        "Documents",
        type=[extension.removeprefix(".") for extension in chunks.ACCEPTED_ENDINGS],
        accept_multiple_files=True,
        key=dataset_keys.WRITE_FILES,
        help="Text or Markdown; convert other formats to text first.",
    )
    dataset_choice.draw_field(screen, dataset_keys.WRITE_DATASET, selected=dataset)
    st.text_input(
        "Judge",
        key=dataset_keys.WRITE_JUDGE,
        placeholder="bedrock:MODEL or openai:MODEL@BASE_URL",
        help="The model that generates the cases: any judge that is a model.",
    )
    cases_column, limit_column = st.columns(2)
    cases_column.number_input(
        "Questions", min_value=1, max_value=MAX_CASES, value=20, key=dataset_keys.WRITE_CASES
    )
    limit_column.number_input(
        "Spend limit, USD",
        min_value=0.0,
        value=None,
        step=0.1,
        key=dataset_keys.WRITE_LIMIT,
        placeholder="no limit",
    )


def _synthesise(screen: Screen, reason: str) -> str:
    state = st.session_state
    files = state.get(dataset_keys.WRITE_FILES) or []
    if not files:
        raise BadInput("No document is chosen; add at least one document (text or Markdown).")
    name = dataset_choice.read_name(dataset_keys.WRITE_DATASET)
    limit = state.get(dataset_keys.WRITE_LIMIT)
    documents = [chunks.read_document(file.getvalue(), file.name) for file in files]
    with st.spinner("Generating cases"):
        synthesis = synthetic_datasets.run_generation(
            screen.engine,
            actor=screen.actor,
            dataset=name,
            documents=documents,
            judge=str(state.get(dataset_keys.WRITE_JUDGE) or "").strip(),
            cases=int(state.get(dataset_keys.WRITE_CASES) or 20),
            rate_limits=RateLimits(concurrency=4, spend_limit_nano_usd=parse_spend_limit(limit)),
            reason=reason,
        )
    dataset_choice.select_version(name, synthesis.version)
    questions = units.format_quantity(synthesis.added, "question")
    cost = units.format_usd(synthesis.cost_nano_usd)
    return f"Added {questions} to review in {name}, cost {cost}.{dataset_choice.format_skipped(synthesis.skipped)}"
