"""The frame of every screen: the guard, the acting user, toasts, empty states and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from genaiops_core.access.identity import actor_name, require_safe_address
from genaiops_core.errors import GenAIOpsError
from genaiops_core.settings import Settings
from pages.parts.reads import connection
from pages.parts.shared import address, catalogue, keys, units

OUTAGE_CHECK_S = 5
"""Interval at which an open screen checks whether the database answers."""
STATIC = Path(__file__).resolve().parents[3] / "static"


@dataclass(frozen=True, kw_only=True)
class Screen:
    """The result of the guard: the entry of the screen, the settings, the database and the acting user."""

    entry: catalogue.Entry
    settings: Settings
    url: str
    engine: connection.Engine
    actor: str


def guard(name: str) -> Screen:
    """First statement of every page: a page reads and draws nothing before it returns.

    It requires that the router ran and that the server listens on a safe address, because there is no login.
    Then it sets the title and finds the acting user.
    """
    _require_router()
    entry = catalogue.BY_NAME[name]
    settings = Settings()
    st.set_page_config(page_title=f"{entry.title} · GenAIOps")
    _require_safe_server()
    engine = connection.open_engine(settings.url)
    actor = _choose_actor(settings)
    if sentence := st.session_state.pop(keys.FLASH, None):
        st.toast(units.escape_markdown(sentence), icon=":material/check_circle:")
    return Screen(entry=entry, settings=settings, url=settings.url, engine=engine, actor=actor)


def set_brand() -> None:
    """Browser tab, icon, wide layout and the logo of the current theme."""
    st.set_page_config(
        page_title="GenAIOps",
        page_icon=STATIC / "icon.svg",
        layout="wide",
        initial_sidebar_state=232,
    )
    theme = "dark" if st.context.theme.type == "dark" else "light"
    st.logo(STATIC / f"logo-{theme}.svg", size="medium", icon_image=STATIC / "icon.svg")


def flash(sentence: str) -> None:
    """Show `sentence` in a toast after the next rerun."""
    st.session_state[keys.FLASH] = sentence


@contextmanager
def show_errors(*, panel: str = "") -> Iterator[None]:
    """Draw a panel instead of a traceback for an expected error and for an error of the database.

    Args:
        panel: names the part of the screen that fails alone; several may fail at once.
    """
    try:
        yield
    except GenAIOpsError as error:
        st.error(units.escape_markdown(error), icon=":material/error:")
    except connection.DATABASE_ERRORS as error:
        _draw_database_error(error, panel=panel)


@st.fragment(run_every=OUTAGE_CHECK_S)
def watch_database() -> None:
    """Say on an open screen that the database is unavailable, and draw the screen again when it answers.

    The router calls it once per run, above the screen. A screen that shows figures from a cache says so too.
    """
    sentence = connection.find_database_outage(Settings().url)
    if sentence:
        st.session_state[keys.DATABASE_AWAY] = True
        st.error(
            f"**{sentence}** Figures on this screen may be old, and no change is saved. The screen refreshes by itself "
            "when the database answers again.",
            icon=":material/database_off:",
        )
    elif st.session_state.pop(keys.DATABASE_AWAY, False):
        st.rerun()


def refresh_every(run_every_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A panel that refreshes every `run_every_s` seconds and shows its errors as a screen does."""

    def decorate(draw: Callable[..., None]) -> Callable[..., None]:
        @st.fragment(run_every=run_every_s)
        def panel(*args: Any) -> None:
            # A fragment reruns without its screen, so the screen's own handler does not apply. Its next run is the
            # next try.
            with show_errors(panel=draw.__name__):
                draw(*args)

        return panel

    return decorate


@st.fragment
def draw_tabs(panels: Mapping[str, Callable[[], None]], *, key: str) -> None:
    """Draw tabs by title and the content of the open one; opening another reruns only the tabs.

    A hidden table costs the browser as much as a visible one.
    """
    # A fragment reruns without its screen, so the screen's own handler does not apply.
    with show_errors(panel=key):
        tabs = st.tabs(list(panels), key=key, on_change="rerun")
        for tab, draw_panel in zip(tabs, panels.values(), strict=True):
            if tab.open:
                with tab:
                    draw_panel()


def draw_empty_state(
    title: str,
    sentence: str,
    *,
    icon: str,
    to: str | None = None,
    link: str = "",
) -> None:
    """Explain an empty screen: what is missing, how it arrives, and a link to another screen.

    Args:
        title: what is missing.
        sentence: how it arrives.
        icon: name of a Material icon.
        to: the screen that the link opens.
        link: the label of the link; the title of the screen by default.
    """
    with st.container(border=True, horizontal_alignment="center", gap="xsmall"):
        st.space("small")
        st.markdown(f":gray[:material/{icon}:] **{title}**", width="content")
        st.caption(sentence, width="content", text_alignment="center")
        if to is not None:
            entry = catalogue.BY_NAME[to]
            st.page_link(
                entry.path, label=link or entry.title, icon=entry.icon, query_params=address.build_query(to)
            )
        st.space("small")


def _require_router() -> None:
    # A deep link to a freshly started server runs the page file without Home.py (the framework's older page
    # discovery). Turning that discovery off and running again sends this visit, and all later ones, through Home.py.
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        set_brand()
        st.rerun()


def find_server_problem() -> GenAIOpsError | None:
    """Why nothing may be read on this server: it listens on an address that others reach, and there is no login."""
    if not st.runtime.exists():
        return None
    try:
        # Without an address the server listens on all interfaces.
        require_safe_address(st.get_option("server.address") or "0.0.0.0")  # noqa: S104
    except GenAIOpsError as error:
        return error
    return None


def _require_safe_server() -> None:
    if error := find_server_problem():
        st.error(units.escape_markdown(error), icon=":material/lock:")
        st.stop()


def _choose_actor(settings: Settings) -> str:
    with (
        st.sidebar,
        st.popover(
            f"Acting as {units.escape_markdown(st.session_state.get(keys.ACTOR) or settings.actor)}",
            icon=":material/account_circle:",
            type="tertiary",
        ),
    ):
        name = st.text_input(
            "Your name",
            value=settings.actor,
            key=keys.ACTOR,
            # Otherwise the name is lost when the user opens another page.
            persist_state="session",
            max_chars=200,
            help="Recorded with every change. You cannot approve your own release.",
        )
    try:
        return actor_name(name or "")
    except GenAIOpsError:
        return actor_name(settings.actor)


def _draw_database_error(error: Exception, *, panel: str) -> None:
    sentence = connection.describe_outage(error)
    reason = sentence or str(getattr(error, "orig", error)).strip().splitlines()[0]
    if sentence:
        # `watch_database` draws the screen again when the database answers.
        st.session_state[keys.DATABASE_AWAY] = True
    with st.container(border=True):
        st.subheader("The database cannot be read", icon=":material/database_off:")
        st.text(reason)
        st.caption(
            "Check that GENAIOPS_DATABASE_URL names the right database and that it is running. This screen refreshes by "
            "itself when the database answers again. Your applications are not affected: they keep the last routing "
            "that they received."
        )
        st.button("Try again", icon=":material/refresh:", key=f"frame_retry{panel}")
