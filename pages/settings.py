"""Settings: how is this console set up, and is everything running?"""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.settings import Settings
from pages.parts.reads import connection, system
from pages.parts.shared import filters, frame, tables, units

screen = frame.guard("settings")
SECRETS = ("key", "secret", "token", "password")


def shown(name: str, value: object) -> str:
    """A value fit to be looked at: passwords in addresses and secrets are masked."""
    if any(word in name for word in SECRETS):
        return "set" if value else "not set"
    if name == "database_url" and value:
        return connection.mask_password(str(value))
    return str(value) if value != "" else "(default)"


def draw_running() -> None:
    """Database, schema and worker."""
    schema = connection.get_schema_status(screen.url)
    beat = system.find_last_heartbeat(screen.url)
    alive = system.is_worker_alive(screen.url)
    with head.facts:
        st.badge("database reached", icon=":material/database:", color="green")
        if schema.is_current:
            st.badge(f"schema {schema.current}", icon=":material/schema:", color="green")
        else:
            st.badge(f"schema {schema.current}, program {schema.head}", icon=":material/schema:", color="red")
        if alive:
            st.badge("worker running", icon=":material/favorite:", color="green")
        else:
            st.badge("no worker running", icon=":material/heart_broken:", color="orange")
    with st.grid(4, min_column_width=200, gap="small"):
        st.metric(
            "Database",
            connection.name_database(screen.url),
            border=True,
        )
        st.metric("Schema", schema.current or units.NO_DATA, border=True)
        st.metric(
            "Worker's last sign of life", units.format_age(beat, now()) if beat else "never", border=True
        )
        st.metric("API", f"{screen.settings.host}:{screen.settings.api_port}", border=True)
    api = f"http://{screen.settings.host}:{screen.settings.api_port}"
    addresses = (
        ("Database", connection.mask_password(screen.url)),
        ("Send traces to (OTLP)", f"{api}/v1/traces"),
        ("Ask for releases at (OFREP)", f"{api}/ofrep/v1/evaluate/flags"),
    )
    for column, (label, address) in zip(st.columns(3), addresses, strict=True):
        column.caption(label)
        column.code(address, language=None, wrap_lines=True)
    if not alive:
        st.warning(
            "Evaluations stay queued and the rollback policy is not watched while no worker runs. "
            "Start one with `genaiops worker`, or everything with `genaiops up`.",
            icon=":material/bedtime:",
        )


def draw_settings() -> None:
    """Every setting; they are read from the environment when a process starts."""
    st.subheader("Settings", icon=":material/tune:", anchor=False)
    column = tables.column
    tables.draw(
        [
            {
                "variable": f"GENAIOPS_{name.upper()}",
                "value": shown(name, getattr(screen.settings, name)),
                "changed": getattr(screen.settings, name) != field.get_default(call_default_factory=True),
                "help": field.description,
            }
            for name, field in Settings.model_fields.items()
        ],
        {
            "variable": column.TextColumn("Variable", pinned=True),
            "value": column.TextColumn("Value", width="medium"),
            "changed": column.CheckboxColumn("Changed", width=80),
            "help": column.TextColumn("What it does", width="large"),
        },
        key="settings_table",
        alt="Settings with their values",
        height=460,
    )
    st.caption(
        "Set in the environment before a process starts; nothing here can be changed from the browser."
    )


head = filters.draw_header(screen, window=False)
with st.container(border=True):
    draw_running()
with st.container(border=True):
    draw_settings()
