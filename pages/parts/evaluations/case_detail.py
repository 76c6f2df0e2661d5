"""One case of an evaluation: its texts, scores with reasons, judge explanations, latency and cost."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.case_scores import Answer, CaseRecord, Explanation, UnitScore
from pages.parts.shared import metric_names, tables, units

_MAX_CHARACTERS = 4_000
"""Limit of one text on screen; a longer one would make the page slow."""


def draw(evaluation: Evaluation, record: CaseRecord) -> None:
    """Draw one case. Texts are untrusted, so they are never rendered as Markdown."""
    case_scores = record.scored
    st.subheader(f"Case {case_scores.case_no}", anchor=False)
    _draw_scores(evaluation, case_scores.scores, case_scores.case_no)
    _draw_text("Input", case_scores.case.input)
    if case_scores.answers:
        _draw_answers(case_scores.answers)
    _draw_text("Answer in the dataset" if case_scores.answers else "Answer", case_scores.case.answer)
    _draw_text("Reference", case_scores.case.reference)
    contexts = case_scores.case.contexts or ()
    if contexts:
        with st.expander(units.format_quantity(len(contexts), "context"), icon=":material/article:"):
            for position, context in enumerate(contexts):
                _draw_text(f"Context {position + 1}", context)
    if record.explanations:
        _draw_explanations(evaluation, record.explanations)


def _draw_scores(evaluation: Evaluation, scores: Sequence[UnitScore], case_no: int) -> None:
    column = tables.column
    # The panel is narrow: columns without information are omitted.
    has_repetitions = any(score.repetition > 1 for score in scores)
    has_unscored = any(score.value is None for score in scores)
    has_cost = any(score.cost_nano_usd != 0 for score in scores)
    tables.draw(
        [
            {
                "metric": metric_names.format_title(score.metric, evaluation),
                "repetition": score.repetition,
                "value": score.value,
                "state": ["failed"] if score.is_failed else ["undefined"] if score.value is None else [],
                "cost": None if score.cost_nano_usd is None else score.cost_nano_usd / units.NANO_PER_USD,
                "latency_ms": score.latency_ms,
            }
            for score in scores
        ],
        {
            "metric": column.TextColumn("Metric"),
            **(
                {"repetition": column.NumberColumn("Rep.", width=50, help="Repetition")}
                if has_repetitions
                else {}
            ),
            "value": column.NumberColumn("Score", format="%.3f", width=65),
            **({"state": tables.state_column("", width=85)} if has_unscored else {}),
            **({"cost": column.NumberColumn("USD", format="%.4g", width=80)} if has_cost else {}),
            "latency_ms": column.NumberColumn("ms", format="%.0f", width=60),
        },
        key=f"case_scores_{case_no}",
        alt=f"Scores of case {case_no}",
    )
    # Repetitions of a metric that share a reason get one row.
    repetition_by_reason = {
        (score.metric, score.reason): score.repetition for score in reversed(scores) if score.reason
    }
    if repetition_by_reason:
        tables.draw_facts(
            {
                _format_metric(evaluation, metric, repetition): reason
                for (metric, reason), repetition in reversed(repetition_by_reason.items())
            }
        )


def _format_metric(evaluation: Evaluation, metric: str, repetition: int) -> str:
    return metric_names.format_title(metric, evaluation) + (
        f", repetition {repetition}" if repetition > 1 else ""
    )


def _draw_answers(answers: Sequence[Answer]) -> None:
    for answer in answers:
        title = "Generated answer" if len(answers) == 1 else f"Generated answer {answer.repetition}"
        _draw_text(title, answer.answer)
        if answer.problem:
            st.warning(units.escape_markdown(answer.problem), icon=":material/error:")
        tokens = (
            ""
            if answer.input_tokens is None or answer.output_tokens is None
            else f", {answer.input_tokens:,} input tokens, {answer.output_tokens:,} output tokens"
        )
        st.caption(
            f"{units.format_duration(answer.latency_ms)}{tokens}, {units.escape_markdown(units.format_usd(answer.cost_nano_usd))}"
        )
        if answer.contexts:
            with st.expander(
                units.format_quantity(len(answer.contexts), "retrieved context"), icon=":material/article:"
            ):
                for position, context in enumerate(answer.contexts):
                    _draw_text(f"Context {position + 1}", context)


def _draw_explanations(evaluation: Evaluation, explanations: Sequence[Explanation]) -> None:
    with st.expander(
        f"Judge explanations, {units.format_quantity(len(explanations), 'call')}",
        icon=":material/psychology:",
    ):
        for explanation in explanations:
            _draw_text(
                _format_metric(evaluation, explanation.metric, explanation.repetition), explanation.text
            )
            st.caption(
                f"{units.format_duration(explanation.latency_ms)}, {units.escape_markdown(units.format_usd(explanation.cost_nano_usd))}"
            )


def _draw_text(title: str, body: str | None) -> None:
    if body:
        st.markdown(f"**{units.escape_markdown(title)}**")
        st.code(body[:_MAX_CHARACTERS], language=None, wrap_lines=True)
        if len(body) > _MAX_CHARACTERS:
            st.caption(
                f"First {_MAX_CHARACTERS:,} of {len(body):,} characters; the download has the full text."
            )
