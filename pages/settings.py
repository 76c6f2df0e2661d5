"""Settings: configuration and status of this console."""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.settings import Settings
from pages.parts.reads import connection, system
from pages.parts.shared import filters, frame, tables, units

screen = frame.guard("settings")
# By word, so that a new secret setting is masked without a change here.
SECRETS = ("key", "secret", "token", "password")


def mask_value(name: str, value: object) -> str:
    """A value for the screen: secrets and passwords in addresses are masked."""
    if any(word in name for word in SECRETS):
        return "set" if value else "not set"
    if name == "database_url" and value:
        return connection.mask_password(str(value))
    return str(value) if value != "" else "(default)"


def draw_status() -> None:
    """Draw database, schema, worker and addresses."""
    schema = connection.get_schema_status(screen.url)
    heartbeat = system.find_last_heartbeat(screen.url)
    is_alive = system.is_worker_alive(screen.url)
    with head.facts:
        st.badge("database reached", icon=":material/database:", color="green")
        if schema.is_current:
            st.badge(f"schema {schema.current}", icon=":material/schema:", color="green")
        else:
            st.badge(f"schema {schema.current}, program {schema.head}", icon=":material/schema:", color="red")
        if is_alive:
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
        st.metric("Last heartbeat", units.format_age(heartbeat, now()) if heartbeat else "never", border=True)
        st.metric("API", f"{screen.settings.host}:{screen.settings.api_port}", border=True)
    api = f"http://{screen.settings.host}:{screen.settings.api_port}"
    addresses = (
        ("Database", connection.mask_password(screen.url)),
        ("Send traces to (OTLP)", f"{api}/v1/traces"),
        ("OFREP endpoint", f"{api}/ofrep/v1/evaluate/flags"),
    )
    for column, (label, address) in zip(st.columns(3), addresses, strict=True):
        column.caption(label)
        column.code(address, language=None, wrap_lines=True)
    if not is_alive:
        st.warning(
            "Without a worker, evaluations stay queued and the rollback policy is not evaluated. "
            "Start a worker with `genaiops worker`, or the whole console with `genaiops up`.",
            icon=":material/bedtime:",
        )


def draw_settings() -> None:
    """Draw every setting; a process reads them from the environment when it starts."""
    st.subheader("Settings", icon=":material/tune:", anchor=False)
    column = tables.column
    tables.draw(
        [
            {
                "variable": f"GENAIOPS_{name.upper()}",
                "value": mask_value(name, getattr(screen.settings, name)),
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
    st.caption("Settings come from the environment of a process. Change them there and restart it.")


head = filters.draw_header(screen)
with st.container(border=True):
    draw_status()
with st.container(border=True):
    draw_settings()
