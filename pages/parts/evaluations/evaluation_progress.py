"""An evaluation that has not ended: progress, remaining time, spend and partial means."""

from __future__ import annotations

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs.evaluation import estimate_remaining_s, is_waiting_for_provider
from pages.parts.evaluations import evaluation_actions, evaluation_spend
from pages.parts.reads import cache, evaluations, system
from pages.parts.shared import frame, metric_names, tables, units
from pages.parts.shared.frame import Screen


@frame.refresh_every(run_every_s=1)
def draw(screen: Screen, identifier: str, state: str) -> None:
    """Draw the live progress; the whole screen is drawn again only when the state changes.

    Args:
        screen: the result of `frame.guard`.
        identifier: id of the evaluation.
        state: the state that the rest of the screen shows.
    """
    evaluation = evaluations.get_evaluation(screen.url, identifier)
    if evaluation.state != state:
        # The list on the screen is cached, and would show the old state after the rerun.
        cache.invalidate("evaluations")
        st.rerun()
    st.progress(evaluation.progress, text=_format_progress(evaluation))
    if evaluation.problem:
        st.warning(units.escape_markdown(evaluation.problem), icon=":material/info:")
    if evaluation.is_open and not system.is_worker_alive(screen.url):
        st.warning(
            "No worker is running, so the evaluation waits. Start one with `genaiops worker`.",
            icon=":material/bedtime:",
        )
    _draw_figures(evaluation)
    _draw_failures(screen, evaluation)
    _draw_means(screen, evaluation)


def _format_progress(evaluation: runs.Evaluation) -> str:
    is_waiting = is_waiting_for_provider(evaluation, now())
    parts = ["Waiting for the provider"] if is_waiting else []
    parts += [f"{evaluation.state.capitalize()}: {evaluation.units_done:,} of {evaluation.units:,} scores"]
    if evaluation.answers:
        parts.append(f"{evaluation.answers_done:,} of {evaluation.answers:,} answers generated")
    if evaluation.attempt > 1:
        parts.append(f"attempt {evaluation.attempt}")
    return ", ".join(parts)


def _draw_figures(evaluation: runs.Evaluation) -> None:
    limit_nano_usd = evaluation_actions.read_spend_limit(evaluation)
    unpriced_calls = evaluation.unpriced_calls + evaluation.answers_unpriced
    started_at = evaluation.resumed_at or evaluation.started_at or evaluation.created_at
    with st.grid(5, min_column_width=170, gap="small"):
        _draw_card(
            "Running for" if evaluation.is_open else "Time since start",
            _format_clock((now() - started_at).total_seconds()),
        )
        _draw_card("Remaining", _format_remaining(evaluation) if evaluation.is_open else "paused")
        _draw_card(
            "Spent",
            units.format_usd(evaluation.spent_nano_usd),
            f"{'of ' + units.format_usd(limit_nano_usd) if limit_nano_usd is not None else 'no limit'}"
            + (
                f", {units.format_quantity(unpriced_calls, 'call')} without a price" if unpriced_calls else ""
            ),
        )
        _draw_card(
            "Judge calls",
            units.format_count(evaluation.judge_calls),
            evaluation_spend.describe_tokens(evaluation),
        )
        _draw_card(
            "Not scored",
            units.format_count(evaluation.units_undefined),
            f"{evaluation.units_failed:,} of them failed",
        )


def _draw_card(label: str, value: str, detail: str | None = None) -> None:
    st.metric(label, value, detail, delta_color="off", delta_arrow="off", border=True, height="stretch")


def _format_remaining(evaluation: runs.Evaluation) -> str:
    remaining_s = estimate_remaining_s(evaluation, now())
    return "unknown yet" if remaining_s is None else f"about {_format_clock(remaining_s)}"


def _format_clock(seconds: float) -> str:
    """Format seconds as 1:35, or as 2:04:00 from one hour on."""
    minutes, remainder = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{remainder:02}" if hours else f"{minutes}:{remainder:02}"


def _draw_failures(screen: Screen, evaluation: runs.Evaluation) -> None:
    if evaluation.units_failed:
        failures = evaluations.count_failures(screen.url, evaluation.id)
        for reason, count in failures:
            st.caption(f":orange[:material/error:] {count:,} × {units.escape_markdown(reason)}")


def _draw_means(screen: Screen, evaluation: runs.Evaluation) -> None:
    means = evaluations.read_running_means(screen.url, evaluation.id)
    if not means:
        return
    column = tables.column
    tables.draw(
        [
            {
                "metric": metric_names.format_title(mean.metric, evaluation),
                "mean": mean.mean,
                "n": mean.n,
                "undefined": mean.undefined - mean.failed,
                "failed": mean.failed,
            }
            for mean in means
        ],
        {
            "metric": column.TextColumn("Metric"),
            "mean": column.ProgressColumn("Mean so far", min_value=0, max_value=1, format="%.3f"),
            "n": column.NumberColumn("Scored", format="localized"),
            "undefined": column.NumberColumn("Undefined", format="localized"),
            "failed": column.NumberColumn("Failed", format="localized"),
        },
        key=f"evaluation_so_far_{evaluation.id}",
        alt="Partial means of the scores so far",
    )
    st.caption("Partial: means of the scores so far. They are not a verdict and can still change.")
