"""Prompts: which texts are there, and what changed between two versions?"""

import streamlit as st

from genaiops_core.releases import prompts
from pages.parts.reads import cache, releases
from pages.parts.releases import prompt_view, release_keys
from pages.parts.shared import confirm, filters, frame, keys, tables, units

screen = frame.guard("prompts")


def add_fields() -> None:
    """Inputs of a new version."""
    left, right = st.columns(2)
    left.text_input(
        "Application", key=release_keys.NEW_PROMPT_APPLICATION, value=head.filters.application or ""
    )
    right.text_input("Prompt name", key=release_keys.NEW_PROMPT_NAME)
    st.text_area("Text", key=release_keys.NEW_PROMPT_TEXT, height=240)


def add(reason: str) -> str:
    """Keep the text as the next version; the same text stays the version it was."""
    made = prompts.add(
        screen.engine,
        actor=screen.actor,
        application=str(st.session_state.get(release_keys.NEW_PROMPT_APPLICATION) or ""),
        name=str(st.session_state.get(release_keys.NEW_PROMPT_NAME) or ""),
        text=str(st.session_state.get(release_keys.NEW_PROMPT_TEXT) or ""),
        reason=reason,
    )
    cache.invalidate("prompts")
    return f"{made.name} is at version {made.version}."


head = filters.draw_header(
    screen,
    by=(keys.APPLICATION,),
    window=False,
    action="Add version",
    action_icon=":material/add:",
    action_key=release_keys.PROMPT_ADD,
)
if head.is_clicked:
    confirm.open_dialog(
        "prompt_add",
        title="Add a prompt version",
        icon=":material/add:",
        button="Add",
        act=add,
        fields=add_fields,
        sentence="Versions never change. Releases name the version they use.",
        width="large",
    )

grouped: dict[tuple[str, str], list[prompts.PromptVersion]] = {}
for version in releases.list_prompts(screen.url, head.filters.application):
    grouped.setdefault((version.application, version.name), []).append(version)
with head.facts:
    st.badge(units.format_quantity(len(grouped), "prompt"), icon=":material/edit_note:", color="gray")
if not grouped:
    frame.draw_empty_state(
        "No prompt yet",
        "Prompts are kept here as numbered versions, so that a release can name exactly the text it was approved with.",
        icon="edit_note",
    )
else:
    rows = list(grouped.items())
    column = tables.column
    picked = tables.pick(
        [
            {
                "application": application,
                "name": name,
                "versions": max(one.version for one in versions),
                "by": max(versions, key=lambda one: one.version).created_by,
                "at": max(one.created_at for one in versions),
                "text": max(versions, key=lambda one: one.version).text,
            }
            for (application, name), versions in rows
        ],
        {
            "application": column.TextColumn("Application", pinned=True),
            "name": column.TextColumn("Prompt"),
            "versions": column.NumberColumn("Newest", format="v%d"),
            "by": column.TextColumn("By"),
            "at": column.DatetimeColumn("Added", format="distance"),
            "text": column.TextColumn("Text", width="large"),
        },
        key=release_keys.PROMPT_TABLE,
        alt="Prompts with their newest version",
        default=0,
    )
    with st.container(border=True):
        prompt_view.draw(rows[picked if picked is not None else 0][1])
