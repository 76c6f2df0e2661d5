"""A new evaluation: every choice on one page, and beside them what will happen and what it will cost at most."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.errors import BadInput, GenAIOpsError
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.judges import Judge, JudgeOptions
from genaiops_core.evaluation.runs.estimate import Estimate, estimate_run
from pages.parts.launch import (
    launch_data,
    launch_judge,
    launch_keys,
    launch_limits,
    launch_metrics,
    target_fields,
)
from pages.parts.reads import cache, evaluations, launch, metrics
from pages.parts.shared import frame, keys, tables, units
from pages.parts.shared.frame import Screen


def is_open() -> bool:
    """Whether the operator is putting a run together."""
    return bool(st.session_state.get(launch_keys.COMPOSING))


def open_form() -> None:
    """Start; what was typed the last time is still there."""
    st.session_state[launch_keys.COMPOSING] = True


def _close() -> None:
    st.session_state[launch_keys.COMPOSING] = False


def draw(screen: Screen, application: str | None) -> None:
    """The form; a run that is refused leaves everything as it was typed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("New evaluation", icon=":material/play_arrow:", anchor=False, width="content")
        st.space("stretch")
        st.button("Back to the runs", icon=":material/arrow_back:", key=launch_keys.RUN_BACK, on_click=_close)
    left, right = st.columns([5, 2])
    with left:
        with _part("Cases", "dataset"):
            cases = launch_data.draw(screen, application)
            target = target_fields.draw(screen.url, cases.application, cases.release)
            if target.spec is not None:
                cases = cases.answered()
        with _part("Judge", "gavel"):
            judge = launch_judge.draw()
        with _part("Metrics and gates", "rule"):
            who = metrics.build_judge(screen.url, judge.name, judge.options)
            can = {} if who is None else metrics.list_judge_metrics(screen.url, who)
            asked = launch_metrics.draw(judge.kind, can, () if who is None else who.defaults, cases)
        with _part("Pace and limits", "speed"):
            pace = launch_limits.draw(asks_model=judge.kind != "offline" or target.spec is not None)
    with right.container(border=True):
        found = estimate_run(
            metrics=[can[name] for name in asked.metrics],
            coverage=cases.coverage,
            cases=cases.used(asked.most_cases),
            repetitions=target.repetitions,
            is_generated=cases.is_generated,
            max_tokens=JudgeOptions().max_tokens,
        )
        _summary(screen, found, cases, judge, who)
        reason = st.text_area(
            "Why", key=launch_keys.RUN_REASON, height=70, placeholder="Kept in the audit log"
        )
        if st.button(
            "Launch",
            type="primary",
            icon=":material/play_arrow:",
            key=launch_keys.RUN_LAUNCH,
            width="stretch",
        ):
            try:
                _require_whole(target)
                launched = runs.launch(
                    screen.engine,
                    actor=screen.actor,
                    dataset=cases.dataset,
                    version=cases.version,
                    judge=judge.name,
                    judge_options=judge.options,
                    metrics=asked.metrics,
                    minimums=asked.minimums,
                    application=cases.application,
                    release=cases.release,
                    split=cases.split,
                    sample_size=cases.sample_size,
                    repetitions=target.repetitions,
                    target=target.spec,
                    pace=pace,
                    baseline=evaluations.find_production_baseline(
                        screen.url, application=cases.application, dataset=cases.dataset, judge=judge.name
                    ),
                    reason=(reason or "").strip(),
                )
            except GenAIOpsError as error:
                st.error(units.plain(error), icon=":material/error:")
            else:
                cache.invalidate("evaluations")
                frame.flash(f"Launched an evaluation of {cases.dataset}.")
                st.query_params[keys.EVALUATION] = launched
                _close()
                st.rerun()


def _require_whole(target: target_fields.Choice) -> None:
    """Refuse a target that is half described: without it the answers of the dataset would be scored."""
    if target.problem:
        raise BadInput(target.problem)


def _part(title: str, icon: str) -> DeltaGenerator:
    box = st.container(border=True)
    box.subheader(title, icon=f":material/{icon}:", anchor=False)
    return box


def _share(used: int, cases: launch_data.Cases) -> str:
    """`64`, or `1,000 of 5,000` where a sample is drawn."""
    whole = cases.coverage.cases
    return f"{used:,}" if used == whole else f"{used:,} of {whole:,}"


def _summary(
    screen: Screen, found: Estimate, cases: launch_data.Cases, chosen: launch_judge.Choice, who: Judge | None
) -> None:
    """What will happen, before it does."""
    st.subheader("Before you launch", icon=":material/fact_check:", anchor=False)
    facts: dict[str, object] = {"Cases": _share(found.cases, cases), "Scores": f"{found.units:,}"}
    if found.answers:
        facts |= {
            "Answers to generate": f"{found.answers:,}",
            "Cost of answering": "not reckoned: it depends on what is answered",
        }
    if found.calls or found.embeddings:
        cost = None if who is None else launch.estimate_max_cost(screen.url, who, found)
        facts |= {
            "Judge calls, at most": f"{found.calls + found.embeddings:,}",
            "Tokens, at most": f"{units.count(found.input_tokens + found.embedding_tokens)} in, "
            f"{units.count(found.output_tokens)} out",
            "Cost of judging, at most": "unknown: no price for this model"
            if cost is None
            else units.usd(cost),
        }
    elif who is not None:
        facts["Cost of judging"] = "$0, no model is asked"
    tables.facts(facts)
    if found.calls:
        st.caption(
            "Reckoned from the length of the cases. Repairs of malformed answers come on top; a spend limit holds."
        )
    if chosen.problem:
        st.warning(units.plain(chosen.problem), icon=":material/gavel:")
