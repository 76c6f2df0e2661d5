"""Prompts: versions and their differences."""

import streamlit as st

from genaiops_core.releases import prompts
from pages.parts.reads import cache, releases
from pages.parts.releases import prompt_view, release_keys
from pages.parts.shared import confirm, filters, frame, tables, units

screen = frame.guard("prompts")


def draw_add_fields() -> None:
    """Draw the inputs of a new version."""
    left_column, right_column = st.columns(2)
    left_column.text_input(
        "Application", key=release_keys.NEW_PROMPT_APPLICATION, value=head.filters.application or ""
    )
    right_column.text_input("Prompt name", key=release_keys.NEW_PROMPT_NAME)
    st.text_area("Text", key=release_keys.NEW_PROMPT_TEXT, height=240)


def add(reason: str) -> str:
    """Save the text as the next version; an identical text keeps its version."""
    prompt = prompts.add(
        screen.engine,
        actor=screen.actor,
        application=str(st.session_state.get(release_keys.NEW_PROMPT_APPLICATION) or ""),
        name=str(st.session_state.get(release_keys.NEW_PROMPT_NAME) or ""),
        text=str(st.session_state.get(release_keys.NEW_PROMPT_TEXT) or ""),
        reason=reason,
    )
    cache.invalidate("prompts")
    return f"{prompt.name} is at version {prompt.version}."


head = filters.draw_header(
    screen,
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
        fields=draw_add_fields,
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
        "Prompts are saved as numbered versions. A release names the versions that it was approved with.",
        icon="edit_note",
    )
else:
    rows = list(grouped.items())
    column = tables.column
    selected_row = tables.pick(
        [
            {
                "application": application,
                "name": name,
                "versions": max(version.version for version in versions),
                "by": max(versions, key=lambda version: version.version).created_by,
                "at": max(version.created_at for version in versions),
                "text": max(versions, key=lambda version: version.version).text,
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
        prompt_view.draw(rows[selected_row if selected_row is not None else 0][1])
