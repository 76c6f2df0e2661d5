"""Screens run in process on a seeded database: their texts, and the changes of their buttons."""

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
def test_empty_console_draws_every_screen_without_error(empty_engine: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert screen.title[0].value == catalogue.BY_NAME[name].title
    assert not screen.error


@pytest.mark.parametrize("name", sorted(catalogue.BY_NAME))
def test_every_screen_labels_demo_data(demo_engine: sa.Engine, name: str) -> None:
    screen = open_screen(name)
    assert not screen.error
    assert any("demo" in str(element.value) for element in screen.markdown)


def test_overview_shows_five_figures_and_all_applications(demo_engine: sa.Engine) -> None:
    screen = open_screen("overview")
    assert [metric.label for metric in screen.metric] == [
        "Requests / min",
        "p95 latency",
        "Quality, mean score",
        "Error rate",
        "Cost",
    ]
    table = screen.dataframe[0].value
    assert set(table["application"]) == {"support-agent", "claims-summarizer", "policy-search"}


def test_cost_screen_matches_the_summary(demo_engine: sa.Engine) -> None:
    screen = open_screen("cost")
    with reading(demo_engine) as connection:
        summary = queries.read_summary(connection, Filters.last("24h"))
    assert screen.metric[0].value == units.format_usd(summary.cost_nano_usd)
    by_model = next(table.value for table in screen.dataframe if "unpriced" in table.value)
    assert sum(by_model["cost"]) == pytest.approx(summary.cost_nano_usd / 1e9, abs=1e-9)


def test_trace_opens_from_its_url(demo_engine: sa.Engine) -> None:
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


def test_another_user_approves_a_release(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        approval = approvals.pending(connection)[0]
    screen = open_screen("releases")
    check(screen.button(key=release_keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("the gates passed")
    submit_dialog(screen, "release_approve")
    with reading(demo_engine) as connection:
        assert releases.get_release(connection, approval.application, approval.release).state == "approved"
        entry = audit.entries(connection, action="release.approve", limit=1)[0]
    assert (entry.actor, entry.reason) == ("grace", "the gates passed")


def test_approver_sees_the_newest_evaluation(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        evaluation = runs.list_evaluations(connection)[0]
        all_releases = releases.list_releases(connection, evaluation.application)
    screen = open_screen("releases", application=evaluation.application)
    row = next(row for row, release in enumerate(all_releases) if release.release == evaluation.release)
    screen.session_state[release_keys.RELEASE_TABLE] = {"selection": {"rows": [row]}}
    check(screen.run())
    assert f"evaluation {evaluation.verdict}" in read_texts(screen)
    link = next(
        element.proto for element in screen.get("page_link") if element.proto.label == "Open the evaluation"
    )
    assert evaluation.id in link.query_string


def test_release_without_evaluation_is_labelled(empty_engine: sa.Engine) -> None:
    releases.create(empty_engine, actor="ada", application="shop", release="v1")
    assert "No evaluation names this release yet." in read_texts(open_screen("releases"))


def test_author_cannot_approve_own_release(demo_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(demo_engine) as connection:
        approval = approvals.pending(connection)[0]
        author = releases.get_release(connection, approval.application, approval.release).created_by
    monkeypatch.setenv("GENAIOPS_ACTOR", author)
    screen = open_screen("releases")
    check(screen.button(key=release_keys.RELEASE_APPROVE).click().run())
    screen.text_area(key=keys.dialog_reason("release_approve")).set_value("mine, and good")
    submit_dialog(screen, "release_approve")
    assert author in screen.session_state[keys.dialog_problem("release_approve")]
    with reading(demo_engine) as connection:
        assert releases.get_release(connection, approval.application, approval.release).state == "pending"


def test_name_in_the_sidebar_is_the_actor(demo_engine: sa.Engine) -> None:
    screen = open_screen("prompts")
    screen.text_input(key=keys.ACTOR).set_value("hedy").run()
    check(screen.button(key=release_keys.PROMPT_ADD).click().run())
    screen.text_input(key=release_keys.NEW_PROMPT_APPLICATION).set_value("support-agent")
    screen.text_input(key=release_keys.NEW_PROMPT_NAME).set_value("greeting")
    screen.text_area(key=release_keys.NEW_PROMPT_TEXT).set_value("Say hello to {user}.")
    screen.text_area(key=keys.dialog_reason("prompt_add")).set_value("friendlier")
    submit_dialog(screen, "prompt_add")
    with reading(demo_engine) as connection:
        versions = [
            version
            for version in prompts.list_prompts(connection, "support-agent")
            if version.name == "greeting"
        ]
    assert [(version.version, version.created_by) for version in versions] == [(1, "hedy")]


def get_live_rollout(engine: sa.Engine) -> rollouts.Rollout:
    with reading(engine) as connection:
        return next(rollout for rollout in rollouts.status(connection) if rollout.is_live)


def test_apply_sets_the_canary_share_of_the_slider(demo_engine: sa.Engine) -> None:
    before = get_live_rollout(demo_engine)
    screen = open_screen("rollouts")
    slider = rollout_keys.rollout_widget(f"slider_{before.version}", before.application)
    screen.slider(key=slider).set_value(40)
    screen.text_input(key=rollout_keys.rollout_widget("reason", before.application)).set_value("looks fine")
    check(screen.button(key=rollout_keys.rollout_widget("apply", before.application)).click().run())
    assert get_live_rollout(demo_engine).percent == 40.0


def test_apply_without_reason_changes_nothing(demo_engine: sa.Engine) -> None:
    before = get_live_rollout(demo_engine)
    screen = open_screen("rollouts")
    screen.slider(key=rollout_keys.rollout_widget(f"slider_{before.version}", before.application)).set_value(
        90
    )
    check(screen.button(key=rollout_keys.rollout_widget("apply", before.application)).click().run())
    assert "The reason is empty" in read_texts(screen)
    assert get_live_rollout(demo_engine).percent == before.percent


@pytest.mark.parametrize("screen_name", ["rollouts", "incidents"])
def test_rollback_requires_reason_and_typed_name(demo_engine: sa.Engine, screen_name: str) -> None:
    before = get_live_rollout(demo_engine)
    screen = open_screen(screen_name)
    check(screen.button(key=rollout_keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value("something else")
    submit_dialog(screen, "rollback")
    assert "Nothing was changed" in screen.session_state[keys.dialog_problem("rollback")]
    assert get_live_rollout(demo_engine).canary == before.canary

    check(screen.button(key=rollout_keys.rollback_open(before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("rollback")).set_value("answers got worse")
    screen.text_input(key=keys.dialog_typed("rollback")).set_value(before.application)
    submit_dialog(screen, "rollback")
    with reading(demo_engine) as connection:
        assert not any(rollout.is_live for rollout in rollouts.status(connection))
        open_incidents = incidents.list_incidents(connection, before.application, "open")
    assert len(open_incidents) == 1
    assert open_incidents[0].title in read_texts(open_screen("incidents"))


def test_promotion_makes_the_canary_stable(demo_engine: sa.Engine) -> None:
    before = get_live_rollout(demo_engine)
    screen = open_screen("rollouts")
    check(screen.button(key=rollout_keys.rollout_widget("promote", before.application)).click().run())
    screen.text_area(key=keys.dialog_reason("promote")).set_value("better everywhere")
    screen.text_input(key=keys.dialog_typed("promote")).set_value(str(before.canary))
    submit_dialog(screen, "promote")
    with reading(demo_engine) as connection:
        after = rollouts.status(connection, before.application)[0]
    assert (after.stable, after.canary) == (before.canary, None)


def test_file_is_previewed_then_imported(empty_engine: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.csv", CSV)
    check(screen.run())
    texts = read_texts(screen)
    assert "2 cases" in texts and "1 row rejected" in texts
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    with reading(empty_engine) as connection:
        assert datasets.get_version(connection, "cases").cases == 2


def test_invalid_file_is_rejected_on_the_screen(empty_engine: sa.Engine) -> None:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload("cases.json", b"{ not json")
    check(screen.run())
    assert screen.error


def test_audit_chain_is_verified_on_demand(demo_engine: sa.Engine) -> None:
    screen = open_screen("audit")
    check(screen.button(key=audit_keys.AUDIT_VERIFY).click().run())
    assert any("chain verified" in str(element.value) for element in screen.markdown)


def test_settings_mask_the_password() -> None:
    assert mask_password("postgresql://me:hunter2@db/genaiops") == "postgresql://me:***@db/genaiops"


@pytest.mark.usefixtures("corrupt_database")
def test_unreadable_database_is_reported_in_a_panel() -> None:
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S).run()
    screen.switch_page("pages/overview.py").run()
    assert not screen.exception
    assert "The database cannot be read" in read_texts(screen)


def test_release_notes_are_never_markup(empty_engine: sa.Engine) -> None:
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


def test_first_visit_goes_through_the_router(
    empty_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", empty_engine.url.render_as_string(hide_password=False))
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S)
    screen.switch_page("pages/releases.py")
    check(screen.run())
    assert screen.title[0].value == "Releases"
