"""Pause, resume and cancel an evaluation; each action requires a reason and writes an audit entry."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.rate_limits import RateLimits, parse_spend_limit
from pages.parts.evaluations import evaluation_keys
from pages.parts.reads import cache
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen

CANCELLABLE_STATES = (*runs.OPEN_STATES, "paused")


def draw(screen: Screen, evaluation: runs.Evaluation) -> None:
    """Draw the buttons that the state of the evaluation allows."""
    if evaluation.is_open and st.button(
        "Pause", icon=":material/pause:", key=evaluation_keys.EVALUATION_PAUSE
    ):
        confirm.open_dialog(
            "pause",
            title="Pause the evaluation",
            icon=":material/pause:",
            button="Pause evaluation",
            act=lambda reason: _pause(screen, evaluation, reason),
            sentence="Calls in progress finish and their results are stored. No new call starts until you resume.",
        )
    if evaluation.state in runs.RESUMABLE_STATES and st.button(
        "Resume", icon=":material/play_arrow:", key=evaluation_keys.EVALUATION_RESUME, type="primary"
    ):
        confirm.open_dialog(
            "resume",
            title="Resume the evaluation",
            icon=":material/play_arrow:",
            button="Resume evaluation",
            act=lambda reason: _resume(screen, evaluation, reason),
            fields=lambda: _draw_limit(evaluation),
            sentence=_describe_remaining(evaluation),
        )
    if evaluation.state in CANCELLABLE_STATES and st.button(
        "Cancel", icon=":material/cancel:", key=evaluation_keys.EVALUATION_CANCEL
    ):
        confirm.open_dialog(
            "cancel",
            title="Cancel the evaluation",
            icon=":material/cancel:",
            button="Cancel evaluation",
            act=lambda reason: _cancel(screen, evaluation, reason),
            sentence="The scores so far are stored and marked partial. There is no verdict unless you resume.",
        )


def read_spend_limit(evaluation: runs.Evaluation) -> int | None:
    """Return the spend limit in nano-USD; None means no limit."""
    return RateLimits.from_json(evaluation.config.get("pace")).spend_limit_nano_usd


def _describe_remaining(evaluation: runs.Evaluation) -> str:
    sentence = f"{evaluation.units - evaluation.units_done:,} of {evaluation.units:,} scores are missing."
    if evaluation.units_failed:
        sentence += f" {units.format_quantity(evaluation.units_failed, 'failed score')} will be retried."
    return f"{sentence} Finished calls are not paid again."


def _draw_limit(evaluation: runs.Evaluation) -> None:
    limit = read_spend_limit(evaluation)
    st.number_input(
        "Spend limit, USD",
        min_value=0.0,
        value=None if limit is None else limit / units.NANO_PER_USD,
        step=1.0,
        format="%.2f",
        placeholder="no limit" if limit is None else f"unchanged: {units.format_usd(limit)}",
        key=evaluation_keys.RESUME_LIMIT_USD,
        help=f"Total of the evaluation, including the {units.escape_markdown(units.format_usd(evaluation.spent_nano_usd))} spent so far.",
    )


def _pause(screen: Screen, evaluation: runs.Evaluation, reason: str) -> str:
    runs.pause(screen.engine, actor=screen.actor, id=evaluation.id, reason=reason)
    return _finish(f"Paused the evaluation of {evaluation.dataset}.")


def _resume(screen: Screen, evaluation: runs.Evaluation, reason: str) -> str:
    runs.resume(
        screen.engine,
        actor=screen.actor,
        id=evaluation.id,
        reason=reason,
        spend_limit_nano_usd=parse_spend_limit(st.session_state.get(evaluation_keys.RESUME_LIMIT_USD)),
    )
    return _finish(f"Resumed the evaluation of {evaluation.dataset}.")


def _cancel(screen: Screen, evaluation: runs.Evaluation, reason: str) -> str:
    runs.cancel(screen.engine, actor=screen.actor, id=evaluation.id, reason=reason)
    return _finish(f"Cancelled the evaluation of {evaluation.dataset}.")


def _finish(sentence: str) -> str:
    cache.invalidate("evaluations")
    return sentence
