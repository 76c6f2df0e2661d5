"""How releases are shown: the table, one manifest, and who decided what about it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.releases.approvals import Approval
from genaiops_core.releases.releases import Release
from pages.parts.releases import release_keys
from pages.parts.shared import keys, tables, units


def pick(found: Sequence[Release], *, default: int) -> int | None:
    """Releases, newest first; returns the position of the one that was picked."""
    return tables.pick(
        [
            {
                "application": one.application,
                "release": one.release,
                "state": [one.state],
                "model": one.model,
                "prompts": ", ".join(f"{p['name']}@{p['version']}" for p in one.prompts),
                "code": one.code_revision,
                "by": one.created_by,
                "at": one.created_at,
            }
            for one in found
        ],
        {
            "application": tables.column.TextColumn("Application", pinned=True),
            "release": tables.column.TextColumn("Release"),
            "state": tables.state_column("State"),
            "model": tables.column.TextColumn("Model", width=210),
            "prompts": tables.column.TextColumn("Prompts"),
            "code": tables.column.TextColumn("Code"),
            "by": tables.column.TextColumn("Registered by"),
            "at": tables.column.DatetimeColumn("Registered", format="distance"),
        },
        key=release_keys.RELEASE_TABLE,
        alt="Releases with their states, newest first",
        default=default,
    )


def draw_evaluation(newest: Evaluation | None) -> None:
    """What the newest evaluation came to, for who approves; the link leads to all of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if newest is None:
            st.badge("not evaluated", icon=":material/science:", color="gray")
            st.caption("No evaluation names this release yet.", width="content")
            st.page_link("pages/evaluations.py", label="Evaluate", icon=":material/science:")
            return
        if newest.verdict:
            tables.draw_badge(newest.verdict, label=f"evaluation {newest.verdict}", icon=":material/gavel:")
        else:
            tables.draw_badge(newest.state, label=f"evaluation {newest.state}", icon=":material/science:")
        st.caption(
            f"{units.escape_markdown(newest.dataset)} v{newest.version}, judge {units.escape_markdown(newest.judge)}, "
            f"{units.format_instant(newest.finished_at or newest.created_at)}",
            width="content",
        )
        st.page_link(
            "pages/evaluations.py",
            label="Open the evaluation",
            icon=":material/science:",
            query_params={keys.EVALUATION: newest.id},
        )


def draw_details(chosen: Release, decisions: Sequence[Approval]) -> None:
    """The manifest left, the decisions so far right."""
    left, right = st.columns(2)
    with left:
        tables.draw_facts(
            {
                "Model": chosen.model or "not chosen by the release",
                "Prompts": ", ".join(f"{p['name']}@{p['version']}" for p in chosen.prompts) or "none",
                "Code revision": chosen.code_revision or units.NO_DATA,
                "Data snapshot": chosen.data_snapshot or units.NO_DATA,
                "Registered": f"{units.format_instant(chosen.created_at)} by {chosen.created_by}",
                "Notes": chosen.notes or "none",
            }
        )
        if chosen.parameters:
            st.json(chosen.parameters, expanded=False)
    with right:
        if not decisions:
            st.caption("Nobody has asked for approval yet.")
        for one in decisions:
            tables.draw_badge(one.state)
            st.text(
                f"Asked by {one.requested_by}, {units.format_instant(one.requested_at)}: {one.request_reason or 'no reason given'}"
            )
            if one.decided_by:
                st.text(
                    f"{one.state.capitalize()} by {one.decided_by}, {units.format_instant(one.decided_at)}: {one.decision_reason}"
                )
