"""Screens run in process on a seeded database: what they say, and what their buttons change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from db.engine import make_engine
from db.migrate import upgrade
from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.demo.writer import write_demo
from genaiops_core.evaluation import datasets, runs
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollbacks import incidents
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from pages.parts import reads
from pages.parts.shared import catalogue, keys, units

ROOT = Path(__file__).resolve().parents[2]
CSV = b"question,answer,expected\nWhat is 2+2?,Four,4\nCapital of France?,Paris,Paris\n,nothing asked,x\n"


@pytest.fixture(autouse=True)
def server_that_remembers_its_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server knows after its first visit that Home.py is the router; AppTest forgets it before every run."""
    begin = PagesManager.__init__

    def remembering(self: PagesManager, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)  # type: ignore[arg-type]
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", remembering)


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("demo") / "genaiops.db"
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    write_demo(engine, now())
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture
def demo(demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """The demo in a database of this test's own, and the screens pointed at it."""
    copy = tmp_path / "copy.db"
    shutil.copy(demo_file, copy)
    yield from _opened(f"sqlite:///{copy}", monkeypatch)


@pytest.fixture
def bare(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """An empty database of each kind."""
    yield from _opened(database_url, monkeypatch)


def _opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "grace")
    # Caches outlive one AppTest.
    st.cache_data.clear()
    st.cache_resource.clear()
    engine = make_engine(url)
    yield engine
    engine.dispose()
    st.cache_data.clear()
    st.cache_resource.clear()


def open_screen(name: str, **query: str) -> AppTest:
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60)
    screen.query_params.update(query)
    screen.run()
    screen.switch_page(f"pages/{name}.py").run()
    return checked(screen)


def checked(screen: AppTest) -> AppTest:
    assert not screen.exception, [one.value for one in screen.exception]
    return screen


def shown(screen: AppTest) -> str:
    """Every text on the screen, without the escapes that keep it from being markup."""
    found = [
        *screen.markdown,
        *screen.caption,
        *screen.error,
        *screen.warning,
        *screen.text,
        *screen.subheader,
    ]
    return "\n".join(str(one.value) for one in found).replace("\\", "")


def submit(screen: AppTest, dialog: str) -> AppTest:
    return checked(screen.button(key=keys.dialog_submit(dialog)).click().run())


@pytest.mark.parametrize("name", sorted(catalogue.BY_NAME))
def test_a_screen_of_an_empty_console_says_how_to_begin(bare: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert screen.title[0].value == catalogue.BY_NAME[name].title
    assert not screen.error


@pytest.mark.parametrize("name", sorted(catalogue.BY_NAME))
def test_a_screen_of_the_demo_says_so(demo: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert not screen.error
    assert any("demo" in str(one.value) for one in screen.markdown)


def test_overview_shows_five_figures_and_every_application(demo: sa.Engine) -> None:
    screen = open_screen("overview")
    assert [one.label for one in screen.metric] == [
        "Requests / min",
        "p95 latency",
        "Quality, mean score",
        "Error rate",
        "Cost",
    ]
    table = screen.dataframe[0].value
    assert set(table["application"]) == {"support-agent", "claims-summarizer", "policy-search"}


def test_cost_screen_says_what_the_summary_says(demo: sa.Engine) -> None:
    screen = open_screen("cost")
    with reading(demo) as connection:
        told = queries.summary(connection, Filters.last("24h"))
    assert screen.metric[0].value == units.usd(told.cost_nano_usd)
    by_model = next(one.value for one in screen.dataframe if "unpriced" in one.value)
    assert sum(by_model["cost"]) == pytest.approx(told.cost_nano_usd / 1e9, abs=1e-9)


def test_a_trace_is_opened_from_its_address(demo: sa.Engine) -> None:
    with reading(demo) as connection:
        trace_id = connection.exec_driver_sql(
            "select trace_id from request where is_error = 1 order by start_ns desc limit 1"
        ).scalar()
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60).run()
    screen.switch_page("pages/traces.py")
    screen.query_params["trace_id"] = str(trace_id)
    checked(screen.run())
    assert "Diagnosis: error" in shown(screen)
    assert screen.get("plotly_chart")


def test_someone_else_approves_a_release(demo: sa.Engine) -> None:
    with reading(demo) as connection:
        waiting = approvals.pending(connection)[0]
    screen = open_screen("releases")
    checked(screen.button(key=keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("the gates passed")
    submit(screen, "release_approve")
    with reading(demo) as connection:
        assert releases.get_release(connection, waiting.application, waiting.release).state == "approved"
        entry = audit.entries(connection, action="release.approve", limit=1)[0]
    assert (entry.actor, entry.reason) == ("grace", "the gates passed")


def test_who_approves_sees_the_newest_evaluation_of_a_release(demo: sa.Engine) -> None:
    with reading(demo) as connection:
        evaluated = runs.list_evaluations(connection)[0]
        found = releases.list_releases(connection, evaluated.application)
    screen = open_screen("releases", application=evaluated.application)
    chosen = next(at for at, one in enumerate(found) if one.release == evaluated.release)
    screen.session_state[keys.RELEASE_TABLE] = {"selection": {"rows": [chosen]}}
    checked(screen.run())
    assert f"evaluation {evaluated.verdict}" in shown(screen)
    link = next(one.proto for one in screen.get("page_link") if one.proto.label == "Open the evaluation")
    assert evaluated.id in link.query_string


def test_a_release_that_nobody_evaluated_says_so(bare: sa.Engine) -> None:
    releases.create(bare, actor="ada", application="shop", release="v1")
    assert "No evaluation names this release yet." in shown(open_screen("releases"))


def test_the_author_is_refused_with_a_sentence(demo: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(demo) as connection:
        waiting = approvals.pending(connection)[0]
        author = releases.get_release(connection, waiting.application, waiting.release).created_by
    monkeypatch.setenv("GENAIOPS_ACTOR", author)
    screen = open_screen("releases")
    checked(screen.button(key=keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("mine, and good")
    submit(screen, "release_approve")
    assert author in screen.session_state[keys.dialog_problem("release_approve")]
    with reading(demo) as connection:
        assert releases.get_release(connection, waiting.application, waiting.release).state == "pending"


def test_the_name_typed_in_the_sidebar_is_who_acts(demo: sa.Engine) -> None:
    screen = open_screen("prompts")
    screen.text_input(key=keys.ACTOR).set_value("hedy").run()
    checked(screen.button(key=keys.PROMPT_ADD).click().run())
    screen.text_input(key=keys.NEW_PROMPT_APPLICATION).set_value("support-agent")
    screen.text_input(key=keys.NEW_PROMPT_NAME).set_value("greeting")
    screen.text_area(key=keys.NEW_PROMPT_TEXT).set_value("Say hello to {user}.")
    screen.text_area(key=keys.dialog_reason("prompt_add")).set_value("friendlier")
    submit(screen, "prompt_add")
    with reading(demo) as connection:
        made = [one for one in prompts.list_prompts(connection, "support-agent") if one.name == "greeting"]
    assert [(one.version, one.created_by) for one in made] == [(1, "hedy")]


def live(engine: sa.Engine) -> rollouts.Rollout:
    with reading(engine) as connection:
        return next(one for one in rollouts.status(connection) if one.is_live)


def test_apply_moves_the_canary_to_the_slider(demo: sa.Engine) -> None:
    before = live(demo)
    screen = open_screen("rollouts")
    slider = keys.rollout_widget(f"slider_{before.version}", before.application)
    screen.slider(key=slider).set_value(40)
    screen.text_input(key=keys.rollout_widget("reason", before.application)).set_value("looks fine")
    checked(screen.button(key=keys.rollout_widget("apply", before.application)).click().run())
    assert live(demo).percent == 40.0


def test_apply_without_a_reason_changes_nothing(demo: sa.Engine) -> None:
    before = live(demo)
    screen = open_screen("rollouts")
    screen.slider(key=keys.rollout_widget(f"slider_{before.version}", before.application)).set_value(90)
    checked(screen.button(key=keys.rollout_widget("apply", before.application)).click().run())
    assert "the reason is empty" in shown(screen)
    assert live(demo).percent == before.percent


@pytest.mark.parametrize("screen_name", ["rollouts", "incidents"])
def test_roll_back_asks_for_the_reason_and_the_name(demo: sa.Engine, screen_name: str) -> None:
    before = live(demo)
    screen = open_screen(screen_name)
    checked(screen.button(key=keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value("something else")
    submit(screen, "rollback")
    assert "Nothing was changed" in screen.session_state[keys.dialog_problem("rollback")]
    assert live(demo).canary == before.canary

    checked(screen.button(key=keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value(before.application)
    submit(screen, "rollback")
    with reading(demo) as connection:
        assert not any(one.is_live for one in rollouts.status(connection))
        opened = incidents.list_incidents(connection, before.application, "open")
    assert len(opened) == 1
    assert opened[0].title in shown(open_screen("incidents"))


def test_promote_makes_the_canary_stable(demo: sa.Engine) -> None:
    before = live(demo)
    screen = open_screen("rollouts")
    checked(screen.button(key=keys.rollout_widget("promote", before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("promote")).set_value("better everywhere")
    screen.text_input(key=keys.dialog_typed("promote")).set_value(str(before.canary))
    submit(screen, "promote")
    with reading(demo) as connection:
        after = rollouts.status(connection, before.application)[0]
    assert (after.stable, after.canary) == (before.canary, None)


def test_a_file_is_previewed_then_imported(bare: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.csv", CSV)
    checked(screen.run())
    texts = shown(screen)
    assert "2 cases" in texts and "1 row rejected" in texts
    checked(screen.button(key=keys.DATASET_IMPORT).click().run())
    with reading(bare) as connection:
        assert datasets.get_version(connection, "cases").cases == 2


def test_an_unreadable_file_is_refused_in_place(bare: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.json", b"{ not json")
    checked(screen.run())
    assert screen.error


def test_the_chain_is_verified_on_demand(demo: sa.Engine) -> None:
    screen = open_screen("audit")
    checked(screen.button(key=keys.AUDIT_VERIFY).click().run())
    assert any("chain verified" in str(one.value) for one in screen.markdown)


def test_settings_hide_the_password() -> None:
    assert reads.shown_url("postgresql://me:hunter2@db/genaiops") == "postgresql://me:***@db/genaiops"


def test_a_database_that_is_away_is_said_in_a_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "not-a-database.db"
    broken.write_bytes(b"this is no database" * 100)
    for _ in _opened(f"sqlite:///{broken}", monkeypatch):
        screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60).run()
        screen.switch_page("pages/overview.py").run()
        assert not screen.exception
        assert "The database cannot be read" in shown(screen)


def test_what_spans_say_is_never_markup(bare: sa.Engine) -> None:
    releases.create(
        bare, actor="ada", application="shop", release="v1", notes="![x](http://evil.test/x.png) :red[hi]"
    )
    screen = open_screen("releases")
    notes = str(screen.table[0].value.iloc[-1, 0])
    assert notes.startswith("!\\[x\\]") and "//" not in notes and "\\:red\\[" in notes


def test_a_visit_to_a_fresh_server_goes_through_the_router(
    bare: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", bare.url.render_as_string(hide_password=False))
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60)
    screen.switch_page("pages/releases.py")
    checked(screen.run())
    assert screen.title[0].value == "Releases"
