"""Audit: every change, in a tamper-evident record."""

import streamlit as st

from genaiops_core.access import audit
from pages.parts.audit import audit_keys
from pages.parts.reads import system
from pages.parts.shared import filters, frame, tables, units

screen = frame.guard("audit")
PAGE_SIZE = 200
ACTIONS = ("release", "prompt", "rollout", "rollback", "incident", "dataset", "evaluation", "price")


def verify() -> None:
    """Verify the whole hash chain; the report stays for the session."""
    with frame.show_errors():
        st.session_state[audit_keys.AUDIT_REPORT] = audit.verify(screen.engine)


def draw_report(report: audit.ChainReport | None) -> None:
    """Draw the result of the last verification."""
    if report is None:
        st.badge("chain not verified in this session", icon=":material/link:", color="gray")
    elif report.is_intact:
        st.badge(
            f"chain verified, {report.entries:,} entries", icon=":material/verified_user:", color="green"
        )
    else:
        st.badge(
            f"chain broken: {units.escape_markdown(report.problem)}", icon=":material/link_off:", color="red"
        )


def draw_entry(entry: audit.AuditEntry) -> None:
    """Draw one entry with the values before and after it."""
    st.subheader(
        f"{entry.sequence}. {units.escape_markdown(entry.action)}",
        icon=":material/receipt_long:",
        anchor=False,
    )
    facts, before, after = st.columns([2, 2, 2])
    with facts:
        tables.draw_facts(
            {
                "When": units.format_instant(entry.at),
                "Actor": entry.actor,
                "Subject": entry.subject,
                "Application": entry.application or "none",
                "Reason": entry.reason or "none",
                "Hash": entry.hash[:16],
            }
        )
    for column, title, value in ((before, "Before", entry.before), (after, "After", entry.after)):
        with column:
            st.markdown(f"**{title}**")
            if value is None:
                st.caption("nothing")
            else:
                st.json(value, expanded=2)


head = filters.draw_header(
    screen,
    action="Verify",
    action_icon=":material/verified_user:",
    action_key=audit_keys.AUDIT_VERIFY,
    action_help="Verify the whole hash chain",
)
if head.is_clicked:
    verify()
with head.facts:
    draw_report(st.session_state.get(audit_keys.AUDIT_REPORT))

with head.place:
    action = st.selectbox(
        "Action",
        ACTIONS,
        index=None,
        placeholder="All actions",
        key=audit_keys.AUDIT_ACTION,
        bind="query-params",
        label_visibility="collapsed",
        width=168,
    )
    actor = st.text_input(
        "Actor",
        key=audit_keys.AUDIT_ACTOR,
        bind="query-params",
        placeholder="Actor",
        label_visibility="collapsed",
        icon=":material/person:",
        width=220,
    )
    page_count = st.session_state.setdefault(audit_keys.AUDIT_MORE, 1)
entries = system.list_audit_entries(
    screen.url, head.filters.application, actor or None, action, None, PAGE_SIZE * page_count
)
if not entries:
    frame.draw_empty_state(
        "No entry",
        "Every change on a screen, on the command line or over the API is recorded with actor, time, reason, and the "
        "values before and after.",
        icon="receipt_long",
    )
else:
    column = tables.column
    selected_row = tables.pick(
        [
            {
                "sequence": entry.sequence,
                "at": entry.at,
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "reason": entry.reason,
            }
            for entry in entries
        ],
        {
            "sequence": column.NumberColumn("No.", width=56),
            "at": column.DatetimeColumn("When (UTC)", format="DD MMM YYYY HH:mm:ss", timezone="UTC"),
            "actor": column.TextColumn("Actor"),
            "action": column.TextColumn("Action"),
            "subject": column.TextColumn("Subject"),
            "reason": column.TextColumn("Reason", width="large"),
        },
        # A new entry moves all rows: with a new key the selection starts at the newest again.
        key=f"{audit_keys.AUDIT_TABLE}_{entries[0].sequence}",
        alt="Audit entries, newest first",
        default=0,
    )
    # A full page means that older entries may exist.
    if len(entries) == PAGE_SIZE * page_count and st.button(
        "Older entries", icon=":material/expand_more:", key="audit_older"
    ):
        st.session_state[audit_keys.AUDIT_MORE] += 1
        st.rerun()
    with st.container(border=True):
        draw_entry(entries[selected_row if selected_row is not None else 0])
