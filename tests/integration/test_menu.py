"""The menu: every screen, and how many things wait on it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from db.transaction import writing
from genaiops_core.errors import Misconfigured
from genaiops_core.releases import approvals, releases
from genaiops_core.rollbacks import incidents
from pages.parts.shared import catalogue, frame, menu
from tests.integration.screens import ROOT, check, open_screen
from tests.waiting import LIMIT_S


def read_menu(screen: AppTest) -> list[str]:
    return [element.proto.label for element in screen.sidebar.get("page_link")]


def test_menu_of_an_empty_console_has_no_counts(empty_engine: sa.Engine) -> None:
    assert read_menu(open_screen("settings")) == [entry.title for entry in catalogue.ENTRIES]


def test_menu_counts_approvals_and_open_incidents(empty_engine: sa.Engine) -> None:
    releases.create(empty_engine, actor="ada", application="shop", release="v1")
    approvals.request(empty_engine, actor="ada", application="shop", release="v1", reason="ready")
    with writing(empty_engine) as connection:
        opened = [
            incidents.open_incident(
                connection,
                actor="watch",
                application=name,
                title="Too many errors",
                severity="high",
                trigger="error_rate",
                metrics={},
            )
            for name in ("shop", "search", "chat")
        ]
    incidents.resolve(empty_engine, actor="ada", incident_id=opened[0].id, reason="mended")
    st.cache_data.clear()
    labels = read_menu(open_screen("settings"))
    assert {"Releases · 1", "Incidents · 2", "Rollouts"} <= set(labels)


@pytest.mark.usefixtures("corrupt_database")
def test_menu_is_drawn_without_a_database() -> None:
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S).run()
    check(screen.switch_page("pages/overview.py").run())
    assert read_menu(screen) == [entry.title for entry in catalogue.ENTRIES]


def test_menu_reads_nothing_on_an_unsafe_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "find_server_problem", lambda: Misconfigured("listens on all interfaces"))
    monkeypatch.setattr(menu, "Settings", None)
    assert menu.count_waiting() == {}


def test_large_counts_have_separators() -> None:
    entry = catalogue.BY_NAME["incidents"]
    assert menu.format_label(entry, {"incidents": 1234}) == "Incidents · 1,234"
    assert menu.format_label(entry, {"incidents": 0}) == "Incidents"
