"""The form of a new evaluation: every choice on one page, beside a summary with the maximum cost."""

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
from pages.parts.shared import address, frame, keys, tables, units
from pages.parts.shared.frame import Screen

_PARAMETERS = (keys.NEW, keys.DATASET, keys.RELEASE)


def is_open() -> bool:
    """Whether the form is open: the URL says so."""
    return st.query_params.get(keys.NEW) == "1"


def open_form() -> None:
    """Open the form."""
    st.query_params[keys.NEW] = "1"


def _close() -> None:
    for parameter in _PARAMETERS:
        if parameter in st.query_params:
            del st.query_params[parameter]


def draw(screen: Screen, application: str | None) -> None:
    """Draw the form; an error on launch keeps everything that was typed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("New evaluation", icon=":material/play_arrow:", anchor=False, width="content")
        st.space("stretch")
        st.button(
            "Back to evaluations",
            icon=":material/arrow_back:",
            key=launch_keys.RUN_BACK,
            on_click=address.remove_parameters,
            args=_PARAMETERS,
        )
    if problem := launch_data.find_wrong_link(screen):
        frame.draw_empty_state(
            units.escape_markdown(problem), "Go back, and choose from what exists.", icon="search_off"
        )
        return
    # No st.form: each change updates the estimate beside it.
    form_column, summary_column = st.columns([5, 2])
    with form_column:
        with _draw_section("Cases", "dataset"):
            cases = launch_data.draw(screen, application)
            target = target_fields.draw(screen.url, cases.application, cases.release)
            if target.spec is not None:
                cases = cases.with_answers()
        with _draw_section("Judge", "gavel"):
            judge = launch_judge.draw()
        with _draw_section("Metrics and gates", "rule"):
            judge_client = metrics.build_judge(screen.url, judge.name, judge.options)
            available_metrics = (
                {} if judge_client is None else metrics.list_judge_metrics(screen.url, judge_client)
            )
            metric_choice = launch_metrics.draw(
                judge.kind, available_metrics, () if judge_client is None else judge_client.defaults, cases
            )
        with _draw_section("Rate limits and budget", "speed"):
            rate_limits = launch_limits.draw(
                has_model_calls=judge.kind != "offline" or target.spec is not None
            )
    with summary_column.container(border=True):
        cost_estimate = estimate_run(
            metrics=[available_metrics[name] for name in metric_choice.metrics],
            coverage=cases.coverage,
            cases=cases.count_scored(metric_choice.pipeline_sample_size),
            repetitions=target.repetitions,
            is_generated=cases.is_generated,
            max_tokens=JudgeOptions().max_tokens,
        )
        _draw_summary(screen, cost_estimate, cases, judge, judge_client)
        reason = st.text_area(
            "Reason", key=launch_keys.RUN_REASON, height=70, placeholder="Kept in the audit log"
        )
        if st.button(
            "Launch",
            type="primary",
            icon=":material/play_arrow:",
            key=launch_keys.RUN_LAUNCH,
            width="stretch",
            disabled=bool(metric_choice.problem),
            help=metric_choice.problem or None,
        ):
            try:
                _require_complete(target)
                evaluation_id = runs.launch(
                    screen.engine,
                    actor=screen.actor,
                    dataset=cases.dataset,
                    version=cases.version,
                    judge=judge.name,
                    judge_options=judge.options,
                    metrics=metric_choice.metrics,
                    minimums=metric_choice.minimums,
                    application=cases.application,
                    release=cases.release,
                    split=cases.split,
                    sample_size=cases.sample_size,
                    repetitions=target.repetitions,
                    target=target.spec,
                    pace=rate_limits,
                    baseline=evaluations.find_production_baseline(
                        screen.url, application=cases.application, dataset=cases.dataset, judge=judge.name
                    ),
                    reason=(reason or "").strip(),
                )
            except GenAIOpsError as error:
                st.error(units.escape_markdown(error), icon=":material/error:")
            else:
                cache.invalidate("evaluations")
                frame.flash(f"Launched an evaluation of {cases.dataset}.")
                # Selects the new evaluation in the list.
                st.query_params[keys.EVALUATION] = evaluation_id
                _close()
                st.rerun()


def _require_complete(target: target_fields.TargetChoice) -> None:
    """Raise BadInput for an incomplete target; launching without it would score the answers of the dataset."""
    if target.problem:
        raise BadInput(target.problem)


def _draw_section(title: str, icon: str) -> DeltaGenerator:
    container = st.container(border=True)
    container.subheader(title, icon=f":material/{icon}:", anchor=False)
    return container


def _format_case_count(case_count: int, cases: launch_data.Cases) -> str:
    """Format `64`, or `1,000 of 5,000` for a sample."""
    total = cases.coverage.cases
    return f"{case_count:,}" if case_count == total else f"{case_count:,} of {total:,}"


def _draw_summary(
    screen: Screen,
    cost_estimate: Estimate,
    cases: launch_data.Cases,
    judge_choice: launch_judge.JudgeChoice,
    judge_client: Judge | None,
) -> None:
    """Draw the number of cases, scores and calls, with the maximum cost."""
    st.subheader("Before you launch", icon=":material/fact_check:", anchor=False)
    facts: dict[str, object] = {
        "Cases": _format_case_count(cost_estimate.cases, cases),
        "Scores": f"{cost_estimate.units:,}",
    }
    if cost_estimate.answers:
        facts |= {
            "Answers to generate": f"{cost_estimate.answers:,}",
            "Cost of answers": "not estimated: depends on the length of the answers",
        }
    if cost_estimate.calls or cost_estimate.embeddings:
        cost = (
            None
            if judge_client is None
            else launch.estimate_max_cost(screen.url, judge_client, cost_estimate)
        )
        facts |= {
            "Maximum judge calls": f"{cost_estimate.calls + cost_estimate.embeddings:,}",
            "Maximum tokens": f"{units.format_count(cost_estimate.input_tokens + cost_estimate.embedding_tokens)} input, "
            f"{units.format_count(cost_estimate.output_tokens)} output",
            "Maximum judge cost": "unknown: no price for this model"
            if cost is None
            else units.format_usd(cost),
        }
    elif judge_client is not None:
        facts["Judge cost"] = "$0, no model calls"
    tables.draw_facts(facts)
    if cost_estimate.calls:
        st.caption(
            "Estimated from the length of the cases. Retries of malformed judge answers cost extra; a spend limit "
            "caps the total."
        )
    if judge_choice.problem:
        st.warning(units.escape_markdown(judge_choice.problem), icon=":material/gavel:")
