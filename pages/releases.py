"""Releases and their approval."""

import streamlit as st

from genaiops_core.releases import approvals, releases
from pages.parts.reads import cache, evaluations
from pages.parts.reads import releases as reads_releases
from pages.parts.releases import release_keys, release_view
from pages.parts.shared import confirm, filters, frame, keys, tables, units

screen = frame.guard("releases")


def draw_register_fields() -> None:
    """Draw the inputs of a new release."""
    left_column, right_column = st.columns(2)
    left_column.text_input(
        "Application", key=release_keys.NEW_RELEASE_APPLICATION, value=head.filters.application or ""
    )
    right_column.text_input("Release", key=release_keys.NEW_RELEASE_NAME, placeholder="for example v16")
    st.text_input(
        "Model",
        key=release_keys.NEW_RELEASE_MODEL,
        placeholder="model identifier; empty if the release does not set one",
    )
    st.text_input(
        "Prompts", key=release_keys.NEW_RELEASE_PROMPTS, placeholder="NAME@VERSION, comma-separated"
    )
    left_column, right_column = st.columns(2)
    left_column.text_input(
        "Code revision", key=release_keys.NEW_RELEASE_CODE, placeholder="for example a Git commit"
    )
    right_column.text_input(
        "Data snapshot", key=release_keys.NEW_RELEASE_DATA, placeholder="for example an index snapshot"
    )
    st.text_area("Notes", key=release_keys.NEW_RELEASE_NOTES, height=70)


def register(reason: str) -> str:
    """Register the release of the dialog."""
    typed = {key: str(st.session_state.get(key) or "").strip() for key in release_keys.NEW_RELEASE}
    release = releases.create(
        screen.engine,
        actor=screen.actor,
        application=typed[release_keys.NEW_RELEASE_APPLICATION],
        release=typed[release_keys.NEW_RELEASE_NAME],
        model=typed[release_keys.NEW_RELEASE_MODEL],
        prompts=[name.strip() for name in typed[release_keys.NEW_RELEASE_PROMPTS].split(",") if name.strip()],
        code_revision=typed[release_keys.NEW_RELEASE_CODE],
        data_snapshot=typed[release_keys.NEW_RELEASE_DATA],
        notes=typed[release_keys.NEW_RELEASE_NOTES],
        reason=reason,
    )
    cache.invalidate("releases")
    return f"Registered {release.name} as a candidate."


def open_decision_dialog(verb: str, release: releases.Release, title: str, icon: str, sentence: str) -> None:
    """Open the dialog that requests, approves or rejects a release."""
    use_case = {"request": approvals.request, "approve": approvals.approve, "reject": approvals.reject}[verb]
    past_tense = {"request": "Requested approval of", "approve": "Approved", "reject": "Rejected"}[verb]

    def act(reason: str) -> str:
        use_case(
            screen.engine,
            actor=screen.actor,
            application=release.application,
            release=release.release,
            reason=reason,
        )
        cache.invalidate("releases")
        return f"{past_tense} {release.name}."

    confirm.open_dialog(
        f"release_{verb}",
        title=f"{title} {units.escape_markdown(release.name)}",
        icon=icon,
        button=title,
        act=act,
        sentence=sentence,
    )


def draw_one(release: releases.Release) -> None:
    """Draw one release: its actions, newest evaluation, manifest and approvals."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            units.escape_markdown(release.name),
            icon=":material/deployed_code:",
            anchor=False,
            width="content",
        )
        tables.draw_badge(release.state)
        st.space("stretch")
        if release.state in ("candidate", "rejected") and st.button(
            "Request approval", icon=":material/send:", type="primary", key=release_keys.RELEASE_REQUEST
        ):
            open_decision_dialog(
                "request",
                release,
                "Request approval",
                ":material/send:",
                "Someone else decides. Say what to review.",
            )
        if release.state == "pending":
            if st.button("Reject", icon=":material/close:", key=release_keys.RELEASE_REJECT):
                open_decision_dialog(
                    "reject",
                    release,
                    "Reject",
                    ":material/close:",
                    "A rejected release cannot start a rollout.",
                )
            if st.button(
                "Approve", icon=":material/check:", type="primary", key=release_keys.RELEASE_APPROVE
            ):
                open_decision_dialog(
                    "approve",
                    release,
                    "Approve",
                    ":material/check:",
                    "An approved release can start a rollout.",
                )
        if release.state in ("approved", "canary", "stable"):
            st.page_link(
                "pages/rollouts.py",
                label="Open its rollout" if release.state != "approved" else "Start a rollout",
                icon=":material/alt_route:",
                query_params={keys.ROLLOUT: release.application},
            )
    release_view.draw_evaluation(
        release, evaluations.find_evaluation_of_release(screen.url, release.application, release.release)
    )
    release_view.draw_details(
        release, reads_releases.list_approvals(screen.url, release.application, release.release)
    )


head = filters.draw_header(
    screen,
    action="Register release",
    action_icon=":material/add:",
    action_key=release_keys.RELEASE_REGISTER,
)
if head.is_clicked:
    confirm.open_dialog(
        "register",
        title="Register a release",
        icon=":material/add:",
        button="Register",
        act=register,
        fields=draw_register_fields,
        needs_reason=False,
        width="medium",
    )

all_releases = reads_releases.list_releases(screen.url, head.filters.application)
pending_approvals = reads_releases.list_pending_approvals(screen.url)
with head.facts:
    st.badge(
        units.format_quantity(len(all_releases), "release"), icon=":material/deployed_code:", color="gray"
    )
    if pending_approvals:
        st.badge(
            f"{len(pending_approvals)} waiting for approval", icon=":material/hourglass_top:", color="orange"
        )
if not all_releases:
    frame.draw_empty_state(
        "No release yet",
        "A release names the versions of its code, data, model and prompts. Register one here, with "
        "`genaiops release create`, or from your pipeline.",
        icon="deployed_code",
    )
else:
    positions = {
        (release.application, release.release): number for number, release in enumerate(all_releases)
    }
    # A release that waits for approval is selected first, because it blocks someone.
    first = next(
        (
            positions[w.application, w.release]
            for w in pending_approvals
            if (w.application, w.release) in positions
        ),
        0,
    )
    selected_row = release_view.pick(all_releases, default=first)
    with st.container(border=True):
        draw_one(all_releases[selected_row if selected_row is not None else first])
