"""One case of a run: its texts, its scores with their reasons, what the judge said, and what it took."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.case_scores import Answer, CaseRecord, Explanation, UnitScore
from pages.parts.shared import metric_names, tables, units

_LONG = 4_000
"""Characters of a text that are shown at once."""


def draw(run: Evaluation, found: CaseRecord) -> None:
    """Everything a run knows of one case; texts are shown as text, because they may come from anywhere."""
    scored = found.scored
    st.subheader(f"Case {scored.case_no}", anchor=False)
    _scores(run, scored.scores, scored.case_no)
    _text("Input", scored.case.input)
    if scored.answers:
        _generated(scored.answers)
    _text("Answer in the dataset" if scored.answers else "Answer", scored.case.answer)
    _text("Reference", scored.case.reference)
    contexts = scored.case.contexts or ()
    if contexts:
        with st.expander(units.things(len(contexts), "context"), icon=":material/article:"):
            for at, context in enumerate(contexts):
                _text(f"Context {at + 1}", context)
    if found.explanations:
        _said(run, found.explanations)


def _scores(run: Evaluation, scores: Sequence[UnitScore], case_no: int) -> None:
    column = tables.column
    # The panel is narrow: a column in which nothing stands is left out.
    repeated = any(one.repetition > 1 for one in scores)
    missing = any(one.value is None for one in scores)
    paid = any(one.cost_nano_usd != 0 for one in scores)
    tables.show(
        [
            {
                "metric": metric_names.title(one.metric, run),
                "repetition": one.repetition,
                "value": one.value,
                "state": ["failed"] if one.is_failed else ["undefined"] if one.value is None else [],
                "cost": None if one.cost_nano_usd is None else one.cost_nano_usd / units.NANO_PER_USD,
                "latency_ms": one.latency_ms,
            }
            for one in scores
        ],
        {
            "metric": column.TextColumn("Metric"),
            **({"repetition": column.NumberColumn("Time", width=50)} if repeated else {}),
            "value": column.NumberColumn("Score", format="%.3f", width=65),
            **({"state": tables.states("", width=85)} if missing else {}),
            **({"cost": column.NumberColumn("USD", format="%.4g", width=80)} if paid else {}),
            "latency_ms": column.NumberColumn("ms", format="%.0f", width=60),
        },
        key=f"case_scores_{case_no}",
        alt=f"Scores of case {case_no}",
    )
    # A reason that all repetitions of a metric share is said once.
    shared = {(one.metric, one.reason): one.repetition for one in reversed(scores) if one.reason}
    if shared:
        tables.facts(
            {_which(run, metric, time): reason for (metric, reason), time in reversed(shared.items())}
        )


def _which(run: Evaluation, metric: str, repetition: int) -> str:
    return metric_names.title(metric, run) + (f", time {repetition}" if repetition > 1 else "")


def _generated(answers: Sequence[Answer]) -> None:
    for one in answers:
        title = "Generated answer" if len(answers) == 1 else f"Generated answer {one.repetition}"
        _text(title, one.answer)
        if one.problem:
            st.warning(units.plain(one.problem), icon=":material/error:")
        tokens = (
            ""
            if one.input_tokens is None or one.output_tokens is None
            else f", {one.input_tokens:,} tokens in and {one.output_tokens:,} out"
        )
        st.caption(f"{units.duration(one.latency_ms)}{tokens}, {units.plain(units.usd(one.cost_nano_usd))}")
        if one.contexts:
            with st.expander(
                f"{units.things(len(one.contexts), 'context')} it found", icon=":material/article:"
            ):
                for at, context in enumerate(one.contexts):
                    _text(f"Context {at + 1}", context)


def _said(run: Evaluation, explanations: Sequence[Explanation]) -> None:
    with st.expander(
        f"What the judge said, {units.things(len(explanations), 'call')}", icon=":material/psychology:"
    ):
        for one in explanations:
            _text(_which(run, one.metric, one.repetition), one.text)
            st.caption(f"{units.duration(one.latency_ms)}, {units.plain(units.usd(one.cost_nano_usd))}")


def _text(title: str, body: str | None) -> None:
    if body:
        st.markdown(f"**{units.plain(title)}**")
        st.code(body[:_LONG], language=None, wrap_lines=True)
        if len(body) > _LONG:
            st.caption(f"The first {_LONG:,} of {len(body):,} characters; the download has them all.")
