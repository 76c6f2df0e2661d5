"""The header row of a screen, and the filters that are part of its address."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from genaiops_core.clock import now
from genaiops_core.telemetry.time_window import WINDOWS, Filters
from pages.parts.reads import releases, traffic
from pages.parts.shared import keys
from pages.parts.shared.frame import Screen

DEFAULT_WINDOW = "24h"
_ALL = {
    keys.APPLICATION: "All applications",
    keys.ENVIRONMENT: "All environments",
    keys.RELEASE: "All releases",
    keys.MODEL: "All models",
}
_ICONS = {
    keys.APPLICATION: ":material/apps:",
    keys.ENVIRONMENT: ":material/public:",
    keys.RELEASE: ":material/deployed_code:",
    keys.MODEL: ":material/neurology:",
}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the operator chose in the header row."""

    window: str
    """The window's name, or the chosen dates in words."""
    filters: Filters
    """The window with every filter applied."""
    place: DeltaGenerator
    """Beside the filters, on the left, for one more that only this screen has."""
    facts: DeltaGenerator
    """A place beside the filters for badges that answer the screen's question at a glance."""
    is_clicked: bool
    """Whether the primary action was pressed in this run."""

    def filters_at(self, at: dt.datetime) -> Filters:
        """The same window as it is at `at`: one that ends now moves on, chosen dates stay."""
        if self.window not in WINDOWS:
            return self.filters
        current = Filters.last(self.window, now=at)
        return dataclasses.replace(self.filters, start=current.start, end=current.end)


def draw_header(
    screen: Screen,
    *,
    by: Sequence[str] = (),
    window: bool = True,
    default_window: str = DEFAULT_WINDOW,
    has_place: bool = False,
    action: str | None = None,
    action_icon: str | None = None,
    action_key: str = "",
    action_help: str | None = None,
) -> Header:
    """Title left, window and at most one primary action right, then a row of filters.

    Args:
        screen: what the guard returned.
        by: which of application, environment, release, model this screen can be narrowed by.
        window: whether the screen is about a window of time.
        default_window: the one shown unless the address says another.
        has_place: whether the screen puts a filter of its own into `place`.
        action: label of the primary action.
        action_icon: its Material icon.
        action_key: its widget key.
        action_help: its tooltip.
    """
    left, right = st.columns([2, 3], vertical_alignment="center")
    title = left.container(horizontal=True, vertical_alignment="center", gap="small")
    title.title(screen.entry.title, anchor=False, width="content", help=screen.entry.description)
    badges = title.container(width="content")
    window_name, is_clicked, dates = default_window, False, None
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if window:
            dates = _choose_dates()
            if dates is None:
                window_name = st.segmented_control(
                    "Window",
                    list(WINDOWS),
                    default=default_window,
                    required=True,
                    key=keys.WINDOW,
                    bind="query-params",
                    label_visibility="collapsed",
                )
        if action is not None:
            is_clicked = st.button(action, icon=action_icon, key=action_key, type="primary", help=action_help)
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    with row:
        values = _choose_filters(screen, by) if by else {}
        place = st.container(horizontal=True, gap="small", width="content", vertical_alignment="center")
        if by or has_place:
            st.space("stretch")
        facts = st.container(horizontal=True, gap="xsmall", width="content", vertical_alignment="center")
    if traffic.has_demo_data(screen.url, values.get(keys.APPLICATION)):
        badges.badge(
            "demo",
            icon=":material/experiment:",
            color="violet",
            help="Made by genaiops demo, not real traffic",
        )
    window_name = window_name if window_name in WINDOWS else default_window
    filters = Filters(**dates, **values) if dates else Filters.last(window_name, now=now(), **values)
    label = f"{filters.start:%-d %b %Y} to {filters.end:%-d %b %Y}" if dates else window_name
    return Header(window=label, filters=filters, place=place, facts=facts, is_clicked=is_clicked)


def choose_rollout(options: Sequence[str], *, first: str) -> str:
    """The application whose rollout is shown.

    It stays chosen when its rollout ends, and has a key of its own, so that looking at one rollout does not narrow
    every other screen. A link may also name it as the application.
    """
    candidates = (
        st.session_state.get(keys.ROLLOUT),
        st.query_params.get(keys.ROLLOUT),
        st.session_state.get(keys.APPLICATION),
        st.query_params.get(keys.APPLICATION),
    )
    application = next((name for name in candidates if name in options), first)
    if st.query_params.get(keys.ROLLOUT) != application:
        st.session_state[keys.ROLLOUT] = application
    chosen = st.selectbox(
        "Application",
        list(options),
        index=None,
        key=keys.ROLLOUT,
        bind="query-params",
        label_visibility="collapsed",
        width=220,
        icon=_ICONS[keys.APPLICATION],
    )
    return chosen if chosen in options else application


def _choose_dates() -> dict[str, dt.datetime] | None:
    """Days of the operator's own choice instead of a window that ends now; they are part of the address too."""
    label = "Dates"
    chosen_days = [st.query_params.get(key) or st.session_state.get(key) for key in (keys.START, keys.END)]
    if all(chosen_days):
        label = f"{chosen_days[0]} to {chosen_days[1]}"
    with st.popover(label, icon=":material/date_range:", type="tertiary"):
        first = st.date_input("From (UTC)", value=None, key=keys.START, bind="query-params")
        last = st.date_input("Until, not included (UTC)", value=None, key=keys.END, bind="query-params")
        if first and last and first >= last:
            st.caption("The end must be after the start.")
            return None
        if st.button(
            "Back to the last hours", key="dates_clear", disabled=not (first or last), on_click=_clear_dates
        ):
            return None
    if not (first and last):
        return None
    midnight = dt.time(tzinfo=dt.UTC)
    return {"start": dt.datetime.combine(first, midnight), "end": dt.datetime.combine(last, midnight)}


def _clear_dates() -> None:
    st.session_state[keys.START] = st.session_state[keys.END] = None


def _choose_filters(screen: Screen, by: Sequence[str]) -> dict[str, str | None]:
    filter_options = traffic.list_filter_options(screen.url)
    options = {
        # An application may have releases before it has traffic.
        keys.APPLICATION: sorted(
            {
                *filter_options.applications,
                *(release.application for release in releases.list_releases(screen.url, None)),
            }
        ),
        keys.ENVIRONMENT: filter_options.environments,
        keys.RELEASE: filter_options.releases,
        keys.MODEL: filter_options.models,
    }
    chosen: dict[str, str | None] = {}
    for name in by:
        value = st.selectbox(
            name.capitalize(),
            options[name],
            index=None,
            placeholder=_ALL[name],
            key=name,
            bind="query-params",
            label_visibility="collapsed",
            icon=_ICONS[name],
            width=168,
        )
        chosen[name] = value if value in options[name] else None
    return chosen
