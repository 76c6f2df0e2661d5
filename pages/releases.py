"""Releases: what exists, what waits for approval, and who decided."""

import streamlit as st

from genaiops_core.releases import approvals, releases
from pages.parts import reads
from pages.parts.reads import evaluations
from pages.parts.releases import release_view
from pages.parts.shared import confirm, filters, frame, keys, tables, units

here = frame.guard("releases")


def register_fields() -> None:
    """Inputs of a new release."""
    left, right = st.columns(2)
    left.text_input("Application", key=keys.NEW_RELEASE_APPLICATION, value=head.filters.application or "")
    right.text_input("Release", key=keys.NEW_RELEASE_NAME, placeholder="for example v16")
    st.text_input(
        "Model", key=keys.NEW_RELEASE_MODEL, placeholder="model identifier; empty if it does not choose one"
    )
    st.text_input("Prompts", key=keys.NEW_RELEASE_PROMPTS, placeholder="NAME@VERSION, separated by commas")
    left, right = st.columns(2)
    left.text_input("Code revision", key=keys.NEW_RELEASE_CODE, placeholder="for example a Git commit")
    right.text_input("Data snapshot", key=keys.NEW_RELEASE_DATA, placeholder="for example an index snapshot")
    st.text_area("Notes", key=keys.NEW_RELEASE_NOTES, height=70)


def register(reason: str) -> str:
    """Register what was typed."""
    typed = {key: str(st.session_state.get(key) or "").strip() for key in keys.NEW_RELEASE}
    made = releases.create(
        here.engine,
        actor=here.actor,
        application=typed[keys.NEW_RELEASE_APPLICATION],
        release=typed[keys.NEW_RELEASE_NAME],
        model=typed[keys.NEW_RELEASE_MODEL],
        prompts=[name.strip() for name in typed[keys.NEW_RELEASE_PROMPTS].split(",") if name.strip()],
        code_revision=typed[keys.NEW_RELEASE_CODE],
        data_snapshot=typed[keys.NEW_RELEASE_DATA],
        notes=typed[keys.NEW_RELEASE_NOTES],
        reason=reason,
    )
    reads.changed("releases")
    return f"Registered {made.name} as a candidate."


def decide(verb: str, chosen: releases.Release, title: str, icon: str, sentence: str) -> None:
    """Open the dialog of one decision on one release."""
    use_case = {"request": approvals.request, "approve": approvals.approve, "reject": approvals.reject}[verb]
    done = {"request": "Asked for approval of", "approve": "Approved", "reject": "Rejected"}[verb]

    def act(reason: str) -> str:
        use_case(
            here.engine,
            actor=here.actor,
            application=chosen.application,
            release=chosen.release,
            reason=reason,
        )
        reads.changed("releases")
        return f"{done} {chosen.name}."

    confirm.ask(
        f"release_{verb}",
        title=f"{title} {units.plain(chosen.name)}",
        icon=icon,
        button=title,
        act=act,
        sentence=sentence,
    )


def draw_one(chosen: releases.Release) -> None:
    """One release: its manifest, what can be done with it, and the decisions so far."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(units.plain(chosen.name), icon=":material/deployed_code:", anchor=False, width="content")
        tables.badge(chosen.state)
        st.space("stretch")
        if chosen.state in ("candidate", "rejected") and st.button(
            "Request approval", icon=":material/send:", type="primary", key=keys.RELEASE_REQUEST
        ):
            decide(
                "request",
                chosen,
                "Request approval",
                ":material/send:",
                "Someone else decides; say what to look at.",
            )
        if chosen.state == "pending":
            if st.button("Reject", icon=":material/close:", key=keys.RELEASE_REJECT):
                decide(
                    "reject",
                    chosen,
                    "Reject",
                    ":material/close:",
                    "It cannot start a rollout until it is approved.",
                )
            if st.button("Approve", icon=":material/check:", type="primary", key=keys.RELEASE_APPROVE):
                decide("approve", chosen, "Approve", ":material/check:", "After this it may start a rollout.")
        if chosen.state in ("approved", "canary", "stable"):
            st.page_link(
                "pages/rollouts.py",
                label="Open its rollout" if chosen.state != "approved" else "Start a rollout",
                icon=":material/alt_route:",
                query_params={keys.ROLLOUT: chosen.application},
            )
    release_view.draw_evaluation(evaluations.of_release(here.url, chosen.application, chosen.release))
    release_view.draw_details(chosen, reads.approval_history(here.url, chosen.application, chosen.release))


head = filters.header(
    here,
    by=(keys.APPLICATION,),
    window=False,
    action="Register release",
    action_icon=":material/add:",
    action_key=keys.RELEASE_REGISTER,
)
if head.clicked:
    confirm.ask(
        "register",
        title="Register a release",
        icon=":material/add:",
        button="Register",
        act=register,
        fields=register_fields,
        needs_reason=False,
        width="medium",
    )

found = reads.list_releases(here.url, head.filters.application)
waiting = reads.pending_approvals(here.url)
with head.facts:
    st.badge(units.things(len(found), "release"), icon=":material/deployed_code:", color="gray")
    if waiting:
        st.badge(f"{len(waiting)} waiting for approval", icon=":material/hourglass_top:", color="orange")
if not found:
    frame.empty(
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
