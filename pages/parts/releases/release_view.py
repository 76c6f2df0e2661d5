"""Releases: the table, the manifest of one, its newest evaluation and its approvals."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.releases.approvals import Approval
from genaiops_core.releases.releases import Release
from pages.parts.releases import release_keys
from pages.parts.shared import address, keys, tables, units


def pick(releases: Sequence[Release], *, default: int) -> int | None:
    """Draw releases, newest first; returns the position of the selected one."""
    return tables.pick(
        [
            {
                "application": release.application,
                "release": release.release,
                "state": [release.state],
                "model": release.model,
                "prompts": ", ".join(f"{p['name']}@{p['version']}" for p in release.prompts),
                "code": release.code_revision,
                "by": release.created_by,
                "at": release.created_at,
            }
            for release in releases
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


def draw_evaluation(release: Release, evaluation: Evaluation | None) -> None:
    """Draw the verdict of the newest evaluation of a release, for the approver, with a link to it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if evaluation is None:
            st.badge("not evaluated", icon=":material/science:", color="gray")
            st.caption("No evaluation names this release yet.", width="content")
            _draw_evaluate_link(release, "Evaluate")
            return
        if evaluation.verdict:
            tables.draw_badge(
                evaluation.verdict, label=f"evaluation {evaluation.verdict}", icon=":material/gavel:"
            )
        else:
            tables.draw_badge(
                evaluation.state, label=f"evaluation {evaluation.state}", icon=":material/science:"
            )
        st.caption(
            f"{units.escape_markdown(evaluation.dataset)} v{evaluation.version}, judge {units.escape_markdown(evaluation.judge)}, "
            f"{units.format_instant(evaluation.finished_at or evaluation.created_at)}",
            width="content",
        )
        st.page_link(
            "pages/evaluations.py",
            label="Open the evaluation",
            icon=":material/science:",
            query_params={keys.EVALUATION: evaluation.id},
        )
        _draw_evaluate_link(release, "Evaluate again")


def _draw_evaluate_link(release: Release, label: str) -> None:
    """Draw the link to the form of a new evaluation with the release chosen."""
    parameters = {keys.NEW: "1", keys.APPLICATION: release.application, keys.RELEASE: release.release}
    st.page_link(
        "pages/evaluations.py",
        label=label,
        icon=":material/play_arrow:",
        query_params=address.build_query("evaluations", **parameters),
    )


def draw_details(release: Release, decisions: Sequence[Approval]) -> None:
    """Draw the manifest and the approvals."""
    left_column, right_column = st.columns(2)
    with left_column:
        tables.draw_facts(
            {
                "Model": release.model or "not set by the release",
                "Prompts": ", ".join(f"{p['name']}@{p['version']}" for p in release.prompts) or "none",
                "Code revision": release.code_revision or units.NO_DATA,
                "Data snapshot": release.data_snapshot or units.NO_DATA,
                "Registered": f"{units.format_instant(release.created_at)} by {release.created_by}",
                "Notes": release.notes or "none",
            }
        )
        if release.parameters:
            st.json(release.parameters, expanded=False)
    with right_column:
        if not decisions:
            st.caption("No approval was requested yet.")
        for approval in decisions:
            tables.draw_badge(approval.state)
            st.text(
                f"Requested by {approval.requested_by}, {units.format_instant(approval.requested_at)}: {approval.request_reason or 'no reason given'}"
            )
            if approval.decided_by:
                st.text(
                    f"{approval.state.capitalize()} by {approval.decided_by}, {units.format_instant(approval.decided_at)}: {approval.decision_reason}"
                )
