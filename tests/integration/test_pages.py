"""Screens run in process on a seeded database: what they say, and what their buttons change."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.evaluation import datasets, runs
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollbacks import incidents
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from pages.parts.audit import audit_keys
from pages.parts.datasets import dataset_keys
from pages.parts.reads.connection import mask_password
from pages.parts.releases import release_keys
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import catalogue, keys, units
from tests.integration.screens import CSV, ROOT, check, open_screen, read_texts, submit_dialog
from tests.waiting import LIMIT_S


@pytest.mark.parametrize("name", sorted(catalogue.BY_NAME))
def test_a_screen_of_an_empty_console_says_how_to_begin(empty_engine: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert screen.title[0].value == catalogue.BY_NAME[name].title
    assert not screen.error


@pytest.mark.parametrize("name", sorted(catalogue.BY_NAME))
def test_a_screen_of_the_demo_says_so(demo_engine: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert not screen.error
    assert any("demo" in str(one.value) for one in screen.markdown)


def test_overview_shows_five_figures_and_every_application(demo_engine: sa.Engine) -> None:
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


def test_cost_screen_says_what_the_summary_says(demo_engine: sa.Engine) -> None:
    screen = open_screen("cost")
    with reading(demo_engine) as connection:
        told = queries.read_summary(connection, Filters.last("24h"))
    assert screen.metric[0].value == units.format_usd(told.cost_nano_usd)
    by_model = next(one.value for one in screen.dataframe if "unpriced" in one.value)
    assert sum(by_model["cost"]) == pytest.approx(told.cost_nano_usd / 1e9, abs=1e-9)


def test_a_trace_is_opened_from_its_address(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        trace_id = connection.exec_driver_sql(
            "select trace_id from request where is_error = 1 order by start_ns desc limit 1"
        ).scalar()
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S).run()
    screen.switch_page("pages/traces.py")
    screen.query_params["trace_id"] = str(trace_id)
    check(screen.run())
    assert "Diagnosis: error" in read_texts(screen)
    assert screen.get("plotly_chart")


def test_someone_else_approves_a_release(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        waiting = approvals.pending(connection)[0]
    screen = open_screen("releases")
    check(screen.button(key=release_keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("the gates passed")
    submit_dialog(screen, "release_approve")
    with reading(demo_engine) as connection:
        assert releases.get_release(connection, waiting.application, waiting.release).state == "approved"
        entry = audit.entries(connection, action="release.approve", limit=1)[0]
    assert (entry.actor, entry.reason) == ("grace", "the gates passed")


def test_who_approves_sees_the_newest_evaluation_of_a_release(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        evaluated = runs.list_evaluations(connection)[0]
        found = releases.list_releases(connection, evaluated.application)
    screen = open_screen("releases", application=evaluated.application)
    chosen = next(at for at, one in enumerate(found) if one.release == evaluated.release)
    screen.session_state[release_keys.RELEASE_TABLE] = {"selection": {"rows": [chosen]}}
    check(screen.run())
    assert f"evaluation {evaluated.verdict}" in read_texts(screen)
    link = next(one.proto for one in screen.get("page_link") if one.proto.label == "Open the evaluation")
    assert evaluated.id in link.query_string


def test_a_release_that_nobody_evaluated_says_so(empty_engine: sa.Engine) -> None:
    releases.create(empty_engine, actor="ada", application="shop", release="v1")
    assert "No evaluation names this release yet." in read_texts(open_screen("releases"))


def test_the_author_is_refused_with_a_sentence(
    demo_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(demo_engine) as connection:
        waiting = approvals.pending(connection)[0]
        author = releases.get_release(connection, waiting.application, waiting.release).created_by
    monkeypatch.setenv("GENAIOPS_ACTOR", author)
    screen = open_screen("releases")
    check(screen.button(key=release_keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("mine, and good")
    submit_dialog(screen, "release_approve")
    assert author in screen.session_state[keys.dialog_problem("release_approve")]
    with reading(demo_engine) as connection:
        assert releases.get_release(connection, waiting.application, waiting.release).state == "pending"


def test_the_name_typed_in_the_sidebar_is_who_acts(demo_engine: sa.Engine) -> None:
    screen = open_screen("prompts")
    screen.text_input(key=keys.ACTOR).set_value("hedy").run()
    check(screen.button(key=release_keys.PROMPT_ADD).click().run())
    screen.text_input(key=release_keys.NEW_PROMPT_APPLICATION).set_value("support-agent")
    screen.text_input(key=release_keys.NEW_PROMPT_NAME).set_value("greeting")
    screen.text_area(key=release_keys.NEW_PROMPT_TEXT).set_value("Say hello to {user}.")
    screen.text_area(key=keys.dialog_reason("prompt_add")).set_value("friendlier")
    submit_dialog(screen, "prompt_add")
    with reading(demo_engine) as connection:
        made = [one for one in prompts.list_prompts(connection, "support-agent") if one.name == "greeting"]
    assert [(one.version, one.created_by) for one in made] == [(1, "hedy")]


def live(engine: sa.Engine) -> rollouts.Rollout:
    with reading(engine) as connection:
        return next(one for one in rollouts.status(connection) if one.is_live)


def test_apply_moves_the_canary_to_the_slider(demo_engine: sa.Engine) -> None:
    before = live(demo_engine)
    screen = open_screen("rollouts")
    slider = rollout_keys.rollout_widget(f"slider_{before.version}", before.application)
    screen.slider(key=slider).set_value(40)
    screen.text_input(key=rollout_keys.rollout_widget("reason", before.application)).set_value("looks fine")
    check(screen.button(key=rollout_keys.rollout_widget("apply", before.application)).click().run())
    assert live(demo_engine).percent == 40.0


def test_apply_without_a_reason_changes_nothing(demo_engine: sa.Engine) -> None:
    before = live(demo_engine)
    screen = open_screen("rollouts")
    screen.slider(key=rollout_keys.rollout_widget(f"slider_{before.version}", before.application)).set_value(
        90
    )
    check(screen.button(key=rollout_keys.rollout_widget("apply", before.application)).click().run())
    assert "the reason is empty" in read_texts(screen)
    assert live(demo_engine).percent == before.percent


@pytest.mark.parametrize("screen_name", ["rollouts", "incidents"])
def test_roll_back_asks_for_the_reason_and_the_name(demo_engine: sa.Engine, screen_name: str) -> None:
    before = live(demo_engine)
    screen = open_screen(screen_name)
    check(screen.button(key=rollout_keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value("something else")
    submit_dialog(screen, "rollback")
    assert "Nothing was changed" in screen.session_state[keys.dialog_problem("rollback")]
    assert live(demo_engine).canary == before.canary

    check(screen.button(key=rollout_keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value(before.application)
    submit_dialog(screen, "rollback")
    with reading(demo_engine) as connection:
        assert not any(one.is_live for one in rollouts.status(connection))
        opened = incidents.list_incidents(connection, before.application, "open")
    assert len(opened) == 1
    assert opened[0].title in read_texts(open_screen("incidents"))


def test_promote_makes_the_canary_stable(demo_engine: sa.Engine) -> None:
    before = live(demo_engine)
    screen = open_screen("rollouts")
    check(screen.button(key=rollout_keys.rollout_widget("promote", before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("promote")).set_value("better everywhere")
    screen.text_input(key=keys.dialog_typed("promote")).set_value(str(before.canary))
    submit_dialog(screen, "promote")
    with reading(demo_engine) as connection:
        after = rollouts.status(connection, before.application)[0]
    assert (after.stable, after.canary) == (before.canary, None)


def test_a_file_is_previewed_then_imported(empty_engine: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.csv", CSV)
    check(screen.run())
    texts = read_texts(screen)
    assert "2 cases" in texts and "1 row rejected" in texts
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    with reading(empty_engine) as connection:
        assert datasets.get_version(connection, "cases").cases == 2


def test_an_unreadable_file_is_refused_in_place(empty_engine: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.json", b"{ not json")
    check(screen.run())
    assert screen.error


def test_the_chain_is_verified_on_demand(demo_engine: sa.Engine) -> None:
    screen = open_screen("audit")
    check(screen.button(key=audit_keys.AUDIT_VERIFY).click().run())
    assert any("chain verified" in str(one.value) for one in screen.markdown)


def test_settings_hide_the_password() -> None:
    assert mask_password("postgresql://me:hunter2@db/genaiops") == "postgresql://me:***@db/genaiops"


@pytest.mark.usefixtures("corrupt_database")
def test_unreadable_database_is_reported_in_a_panel() -> None:
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S).run()
    screen.switch_page("pages/overview.py").run()
    assert not screen.exception
    assert "The database cannot be read" in read_texts(screen)


def test_what_spans_say_is_never_markup(empty_engine: sa.Engine) -> None:
    releases.create(
        empty_engine,
        actor="ada",
        application="shop",
        release="v1",
        notes="![x](http://evil.test/x.png) :red[hi]",
    )
    screen = open_screen("releases")
    notes = str(screen.table[0].value.iloc[-1, 0])
    assert notes.startswith("!\\[x\\]") and "//" not in notes and "\\:red\\[" in notes


def test_a_visit_to_a_fresh_server_goes_through_the_router(
    empty_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", empty_engine.url.render_as_string(hide_password=False))
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S)
    screen.switch_page("pages/releases.py")
    check(screen.run())
    assert screen.title[0].value == "Releases"
