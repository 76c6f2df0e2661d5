"""A new evaluation: every choice on one page, and beside them what will happen and what it will cost at most."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.estimate import Estimate
from pages.parts import (
    frame,
    keys,
    launch_data,
    launch_judge,
    launch_metrics,
    launch_pace,
    reads,
    reads_evaluations,
    tables,
    units,
)
from pages.parts.frame import Screen


def is_open() -> bool:
    """Whether the operator is putting a run together."""
    return bool(st.session_state.get(keys.COMPOSING))


def open_form() -> None:
    """Start; what was typed the last time is still there."""
    st.session_state[keys.COMPOSING] = True


def _close() -> None:
    st.session_state[keys.COMPOSING] = False


def draw(here: Screen, application: str | None) -> None:
    """The form; a run that is refused leaves everything as it was typed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("New evaluation", icon=":material/play_arrow:", anchor=False, width="content")
        st.space("stretch")
        st.button("Back to the runs", icon=":material/arrow_back:", key=keys.RUN_BACK, on_click=_close)
    left, right = st.columns([5, 2])
    with left:
        with _part("Cases", "dataset"):
            cases = launch_data.draw(here, application)
        with _part("Judge", "gavel"):
            judge = launch_judge.draw()
        with _part("Metrics and gates", "rule"):
            asked = launch_metrics.draw(here, judge, cases.coverage)
        with _part("Pace and limits", "speed"):
            pace = launch_pace.draw(asks_model=judge.kind != "offline")
            repetitions = 1
    with right.container(border=True):
        found = reads_evaluations.estimated(
            here.url,
            coverage=cases.coverage,
            cases=cases.used,
            kind=judge.kind,
            metrics=asked.metrics,
            repetitions=repetitions,
            is_generated=False,
        )
        _summary(here, found, judge)
        reason = st.text_area("Why", key=keys.RUN_REASON, height=70, placeholder="Kept in the audit log")
        if st.button(
            "Launch", type="primary", icon=":material/play_arrow:", key=keys.RUN_LAUNCH, width="stretch"
        ):
            try:
                runs.launch(
                    here.engine,
                    actor=here.actor,
                    dataset=cases.dataset,
                    version=cases.version,
                    judge=judge.name,
                    judge_options=judge.options,
                    metrics=asked.metrics,
                    minimums=asked.minimums or None,
                    application=cases.application,
                    release=cases.release,
                    sample_size=cases.sample_size,
                    repetitions=repetitions,
                    pace=pace,
                    reason=(reason or "").strip(),
                )
            except GenAIOpsError as error:
                st.error(units.plain(error), icon=":material/error:")
            else:
                reads.changed("evaluations")
                frame.flash(f"Launched an evaluation of {cases.dataset}.")
                _close()
                st.rerun()


def _part(title: str, icon: str) -> DeltaGenerator:
    box = st.container(border=True)
    box.subheader(title, icon=f":material/{icon}:", anchor=False)
    return box


def _summary(here: Screen, found: Estimate, judge: launch_judge.Choice) -> None:
    """What will happen, before it does."""
    st.subheader("Before you launch", icon=":material/fact_check:", anchor=False)
    asks_model = judge.kind != "offline"
    facts: dict[str, object] = {"Cases": f"{found.cases:,}", "Scores": f"{found.units:,}"}
    if found.answers:
        facts["Answers to generate"] = f"{found.answers:,}"
    if asks_model:
        cost = reads_evaluations.worst_cost(here.url, judge.name, found)
        facts |= {
            "Judge calls, at most": f"{found.calls:,}",
            "Tokens, at most": f"{units.count(found.input_tokens)} in, {units.count(found.output_tokens)} out",
            "Cost of judging, at most": units.usd(cost)
            if cost is not None
            else "unknown: no price for this model",
        }
    else:
        facts["Cost of judging"] = "$0, no model is asked"
    tables.facts(facts)
    if asks_model:
        st.caption(
            "Reckoned from the length of the cases. Repairs of malformed answers come on top; a spend limit holds."
        )
    if judge.problem:
        st.warning(units.plain(judge.problem), icon=":material/gavel:")
