"""Pause, resume and cancel a run: each asks for a reason and leaves an audit entry."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.rate_limits import Pace, nano_usd
from pages.parts import reads
from pages.parts.shared import confirm, keys, units
from pages.parts.shared.frame import Screen

CAN_CANCEL = (*runs.OPEN_STATES, "paused")


def draw(here: Screen, run: runs.Evaluation) -> None:
    """The buttons that the state of the run allows."""
    if run.is_open and st.button("Pause", icon=":material/pause:", key=keys.EVALUATION_PAUSE):
        confirm.ask(
            "pause",
            title="Pause the evaluation",
            icon=":material/pause:",
            button="Pause evaluation",
            act=lambda reason: _pause(here, run, reason),
            sentence="Calls that are under way are finished and kept; no new one is begun until you resume.",
        )
    if run.state in runs.RESUMABLE_STATES and st.button(
        "Resume", icon=":material/play_arrow:", key=keys.EVALUATION_RESUME, type="primary"
    ):
        confirm.ask(
            "resume",
            title="Resume the evaluation",
            icon=":material/play_arrow:",
            button="Resume evaluation",
            act=lambda reason: _resume(here, run, reason),
            fields=lambda: _limit(run),
            sentence=_what_is_left(run),
        )
    if run.state in CAN_CANCEL and st.button("Cancel", icon=":material/cancel:", key=keys.EVALUATION_CANCEL):
        confirm.ask(
            "cancel",
            title="Cancel the evaluation",
            icon=":material/cancel:",
            button="Cancel evaluation",
            act=lambda reason: _cancel(here, run, reason),
            sentence="The scores so far are kept and marked partial; there will be no verdict unless you resume.",
        )


def spend_limit(run: runs.Evaluation) -> int | None:
    """What the run may spend, in nano-USD; None is no limit."""
    return Pace.from_json(run.config.get("pace")).spend_limit_nano_usd


def _what_is_left(run: runs.Evaluation) -> str:
    left = f"{run.units - run.units_done:,} of {run.units:,} scores are missing."
    if run.units_failed:
        left += f" The {units.things(run.units_failed, 'failed one')} will be tried again."
    return f"{left} Calls that were finished are not paid again."


def _limit(run: runs.Evaluation) -> None:
    limit = spend_limit(run)
    st.number_input(
        "Spend limit, USD",
        min_value=0.0,
        value=None if limit is None else limit / units.NANO_PER_USD,
        step=1.0,
        format="%.2f",
        placeholder="no limit" if limit is None else f"still {units.usd(limit)}",
        key=keys.RESUME_LIMIT_USD,
        help=f"Of the whole run, the {units.usd(run.spent_nano_usd).replace('$', chr(92) + '$')} spent so far included.",
    )


def _pause(here: Screen, run: runs.Evaluation, reason: str) -> str:
    runs.pause(here.engine, actor=here.actor, id=run.id, reason=reason)
    return _done(f"Paused the evaluation of {run.dataset}.")


def _resume(here: Screen, run: runs.Evaluation, reason: str) -> str:
    runs.resume(
        here.engine,
        actor=here.actor,
        id=run.id,
        reason=reason,
        spend_limit_nano_usd=nano_usd(st.session_state.get(keys.RESUME_LIMIT_USD)),
    )
    return _done(f"Resumed the evaluation of {run.dataset}.")


def _cancel(here: Screen, run: runs.Evaluation, reason: str) -> str:
    runs.cancel(here.engine, actor=here.actor, id=run.id, reason=reason)
    return _done(f"Cancelled the evaluation of {run.dataset}.")


def _done(sentence: str) -> str:
    reads.changed("evaluations")
    return sentence
