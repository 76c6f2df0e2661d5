"""Releases: what exists, what waits for approval, and who decided."""

import streamlit as st

from genaiops_core.releases import approvals, releases
from pages.parts.reads import cache, evaluations
from pages.parts.reads import releases as reads_releases
from pages.parts.releases import release_keys, release_view
from pages.parts.shared import confirm, filters, frame, keys, tables, units

screen = frame.guard("releases")


def register_fields() -> None:
    """Inputs of a new release."""
    left, right = st.columns(2)
    left.text_input(
        "Application", key=release_keys.NEW_RELEASE_APPLICATION, value=head.filters.application or ""
    )
    right.text_input("Release", key=release_keys.NEW_RELEASE_NAME, placeholder="for example v16")
    st.text_input(
        "Model",
        key=release_keys.NEW_RELEASE_MODEL,
        placeholder="model identifier; empty if it does not choose one",
    )
    st.text_input(
        "Prompts", key=release_keys.NEW_RELEASE_PROMPTS, placeholder="NAME@VERSION, separated by commas"
    )
    left, right = st.columns(2)
    left.text_input(
        "Code revision", key=release_keys.NEW_RELEASE_CODE, placeholder="for example a Git commit"
    )
    right.text_input(
        "Data snapshot", key=release_keys.NEW_RELEASE_DATA, placeholder="for example an index snapshot"
    )
    st.text_area("Notes", key=release_keys.NEW_RELEASE_NOTES, height=70)


def register(reason: str) -> str:
    """Register what was typed."""
    typed = {key: str(st.session_state.get(key) or "").strip() for key in release_keys.NEW_RELEASE}
    made = releases.create(
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
    return f"Registered {made.name} as a candidate."


def decide(verb: str, chosen: releases.Release, title: str, icon: str, sentence: str) -> None:
    """Open the dialog of one decision on one release."""
    use_case = {"request": approvals.request, "approve": approvals.approve, "reject": approvals.reject}[verb]
    done = {"request": "Asked for approval of", "approve": "Approved", "reject": "Rejected"}[verb]

    def act(reason: str) -> str:
        use_case(
            screen.engine,
            actor=screen.actor,
            application=chosen.application,
            release=chosen.release,
            reason=reason,
        )
        cache.invalidate("releases")
        return f"{done} {chosen.name}."

    confirm.open_dialog(
        f"release_{verb}",
        title=f"{title} {units.escape_markdown(chosen.name)}",
        icon=icon,
        button=title,
        act=act,
        sentence=sentence,
    )


def draw_one(chosen: releases.Release) -> None:
    """One release: its manifest, what can be done with it, and the decisions so far."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            units.escape_markdown(chosen.name), icon=":material/deployed_code:", anchor=False, width="content"
        )
        tables.draw_badge(chosen.state)
        st.space("stretch")
        if chosen.state in ("candidate", "rejected") and st.button(
            "Request approval", icon=":material/send:", type="primary", key=release_keys.RELEASE_REQUEST
        ):
            decide(
                "request",
                chosen,
                "Request approval",
                ":material/send:",
                "Someone else decides; say what to look at.",
            )
        if chosen.state == "pending":
            if st.button("Reject", icon=":material/close:", key=release_keys.RELEASE_REJECT):
                decide(
                    "reject",
                    chosen,
                    "Reject",
                    ":material/close:",
                    "It cannot start a rollout until it is approved.",
                )
            if st.button(
                "Approve", icon=":material/check:", type="primary", key=release_keys.RELEASE_APPROVE
            ):
                decide("approve", chosen, "Approve", ":material/check:", "After this it may start a rollout.")
        if chosen.state in ("approved", "canary", "stable"):
            st.page_link(
                "pages/rollouts.py",
                label="Open its rollout" if chosen.state != "approved" else "Start a rollout",
                icon=":material/alt_route:",
                query_params={keys.ROLLOUT: chosen.application},
            )
    release_view.draw_evaluation(
        evaluations.find_evaluation_of_release(screen.url, chosen.application, chosen.release)
    )
    release_view.draw_details(
        chosen, reads_releases.list_approvals(screen.url, chosen.application, chosen.release)
    )


head = filters.draw_header(
    screen,
    by=(keys.APPLICATION,),
    window=False,
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
        fields=register_fields,
        needs_reason=False,
        width="medium",
    )

found = reads_releases.list_releases(screen.url, head.filters.application)
waiting = reads_releases.list_pending_approvals(screen.url)
with head.facts:
    st.badge(units.format_quantity(len(found), "release"), icon=":material/deployed_code:", color="gray")
    if waiting:
        st.badge(f"{len(waiting)} waiting for approval", icon=":material/hourglass_top:", color="orange")
if not found:
    frame.draw_empty_state(
        "No release yet",
        "A release names one version each of code, data, model and prompts. Register one here, with "
        "`genaiops release create`, or from your pipeline.",
        icon="deployed_code",
    )
else:
    named = {(one.application, one.release): at for at, one in enumerate(found)}
    first = next((named[w.application, w.release] for w in waiting if (w.application, w.release) in named), 0)
    picked = release_view.pick(found, default=first)
    with st.container(border=True):
        draw_one(found[picked if picked is not None else first])
