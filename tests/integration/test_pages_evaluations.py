"""The evaluations screen: launches of its form, changes by its buttons, contents of its tabs."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.tables.evaluations import evaluation, evaluation_score
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.verdicts.summaries import UnitResult, summarise
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from pages.parts.shared import keys
from tests.integration.screens import CSV, check, open_screen, read_texts, submit_dialog


@pytest.fixture
def suite(empty_engine: sa.Engine) -> sa.Engine:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    return empty_engine


def open_form(engine: sa.Engine) -> AppTest:
    screen = open_screen("evaluations")
    return check(screen.button(key=evaluation_keys.EVALUATION_NEW).click().run())


def get_newest(engine: sa.Engine) -> runs.Evaluation:
    with reading(engine) as connection:
        return runs.list_evaluations(connection)[0]


def get_last_action(engine: sa.Engine) -> audit.AuditEntry:
    with reading(engine) as connection:
        return audit.entries(connection, limit=1)[0]


def test_minimums_are_launched_and_wait_for_a_worker(suite: sa.Engine) -> None:
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_BY).set_value("Custom minimums").run())
    screen.number_input(key=launch_keys.run_minimum("reference_overlap")).set_value(0.5)
    screen.text_area(key=launch_keys.RUN_REASON).set_value("before the release")
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    launched = get_newest(suite)
    assert (launched.state, launched.dataset, launched.created_by) == ("queued", "suite", "grace")
    assert launched.config["minimums"] == {"reference_overlap": 0.5}
    assert get_last_action(suite).reason == "before the release"
    assert "No worker is running" in read_texts(screen)


def test_offline_form_proposes_minimums(suite: sa.Engine) -> None:
    screen = open_form(suite)
    assert screen.segmented_control(key=launch_keys.RUN_BY).value == "Custom minimums"
    # No case has contexts, so nothing is proposed for the metrics that need them.
    proposals = {item.label: item.value for item in screen.number_input if "(proxy)" in item.label}
    assert proposals == {
        "Grounding overlap (proxy)": None,
        "Question overlap (proxy)": None,
        "Context overlap (proxy)": None,
        "Reference overlap (proxy)": 0.3,
    }
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert get_newest(suite).config["minimums"] == {"reference_overlap": 0.3}


def test_launch_is_off_without_a_minimum(suite: sa.Engine) -> None:
    screen = open_form(suite)
    # Nothing is proposed for the overlap with the question, which detects no fault.
    metrics = next(item for item in screen.multiselect if item.label == "Metrics")
    check(metrics.set_value(["question_overlap"]).run())
    assert screen.button(key=launch_keys.RUN_LAUNCH).disabled
    assert "Set a minimum for at least one metric." in read_texts(screen)
    check(screen.number_input(key=launch_keys.run_minimum("question_overlap")).set_value(0.4).run())
    assert not screen.button(key=launch_keys.RUN_LAUNCH).disabled


def test_form_counts_cases_that_lack_data(suite: sa.Engine) -> None:
    screen = open_form(suite)
    table = next(item.value for item in screen.dataframe if "lacking" in item.value)
    # Neither of the two cases has contexts, one has no reference.
    assert dict(zip(table["title"], table["lacking"], strict=True))["Grounding overlap (proxy)"] == 2


def test_refused_launch_keeps_the_form(suite: sa.Engine) -> None:
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    screen.text_input(key=launch_keys.RUN_BASE_URL).set_value("nonsense")
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert "must be an http or https URL" in read_texts(screen)
    assert screen.text_input(key=launch_keys.RUN_BASE_URL).value == "nonsense"
    with reading(suite) as connection:
        assert runs.list_evaluations(connection) == []


def test_missing_ragas_is_refused_with_the_install_command(
    suite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ragas", None)
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    screen.text_input(key=launch_keys.RUN_BASE_URL).set_value("http://127.0.0.1:9/v1")
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert "pip install 'genaiops-console[ragas]'" in read_texts(screen)
    with reading(suite) as connection:
        assert runs.list_evaluations(connection) == []


def test_incomplete_target_is_refused(suite: sa.Engine) -> None:
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.TARGET_KIND).set_value("http").run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert "url is missing" in read_texts(screen)
    with reading(suite) as connection:
        assert runs.list_evaluations(connection) == []


def test_form_shows_the_sample_size_of_the_pipeline(empty_engine: sa.Engine) -> None:
    cases = [Case(input=f"q{n}", answer="a", contexts=None, reference="a", metadata={}) for n in range(1_010)]
    datasets.add_cases(empty_engine, actor="ada", name="large", cases=cases, source="test")
    screen = open_form(empty_engine)
    assert read_summary(screen)["Cases"].iloc[0] == "1,010"
    check(screen.segmented_control(key=launch_keys.RUN_BY).set_value("Pipeline gates").run())
    assert read_summary(screen)["Cases"].iloc[0] == "1,000 of 1,010"
    assert not [button for button in screen.button if button.key == evaluation_keys.EVALUATION_NEW]


def test_undecidable_gates_are_shown_before_launch(suite: sa.Engine) -> None:
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("bedrock").run())
    gates = next(item.value for item in screen.dataframe if "threshold" in item.value)
    reasons = dict(zip(gates["metric"], gates["why"], strict=True))
    assert reasons["faithfulness"] == ""
    assert reasons["latency p95"] == reasons["monthly cost"] == "needs a release with traffic"
    check(screen.segmented_control(key=launch_keys.TARGET_KIND).set_value("bedrock").run())
    check(screen.text_input(key=launch_keys.TARGET_MODEL).set_value("amazon.nova-lite-v1:0").run())
    gates = next(item.value for item in screen.dataframe if "threshold" in item.value)
    reasons = dict(zip(gates["metric"], gates["why"], strict=True))
    # Generated answers have a latency; the monthly cost is known only from traffic.
    assert reasons["latency p95"] == "" != reasons["monthly cost"]


def test_split_limits_the_cases(empty_engine: sa.Engine) -> None:
    cases = [
        Case(
            input=f"q{n}",
            answer="a",
            contexts=None,
            reference="a",
            metadata={"split": "test" if n < 3 else "train"},
        )
        for n in range(10)
    ]
    datasets.add_cases(empty_engine, actor="ada", name="parted", cases=cases, source="test")
    screen = open_form(empty_engine)
    check(screen.segmented_control(key=f"{launch_keys.RUN_SPLIT}_parted_1").set_value("test").run())
    assert any("Not scored, of 3" in str(item.proto.columns) for item in screen.dataframe)
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    launched = get_newest(empty_engine)
    assert (launched.split, launched.units) == ("test", 3 * len(launched.metrics))


def test_maximum_cost_is_shown_or_unknown(suite: sa.Engine) -> None:
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    assert "$" in read_max_cost(screen)
    # Answer relevancy needs embeddings, and this embedding model has no price.
    check(screen.text_input(key=launch_keys.RUN_EMBEDDING).set_value("unpriced-7b").run())
    assert read_max_cost(screen) == "unknown: no price for this model"


def read_summary(screen: AppTest) -> pd.DataFrame:
    facts = next(
        table.value
        for table in screen.table
        if "Scores" in table.value.index or "Scores" in table.value.columns
    )
    return facts.T if "Scores" in facts.index else facts


def read_max_cost(screen: AppTest) -> str:
    return str(read_summary(screen)["Maximum judge cost"].iloc[0]).replace("\\", "")


def test_form_never_shows_an_api_key(suite: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    screen = open_form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    assert "OPENAI_API_KEY" in read_texts(screen) and "sk-very-secret" not in read_texts(screen)


def launch_with(engine: sa.Engine, **changes: object) -> str:
    id = runs.launch(engine, actor="ada", dataset="suite", minimums={"reference_overlap": 0.5})
    with writing(engine) as connection:
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(**changes))
    return id


def test_pause_and_cancel_require_a_reason(suite: sa.Engine) -> None:
    launch_with(suite, state="running", started_at=now())
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_PAUSE).click().run())
    screen.text_area(key=keys.dialog_reason("pause")).set_value("provider is down")
    submit_dialog(screen, "pause")
    assert (get_newest(suite).state, get_last_action(suite).action) == ("paused", "evaluation.pause")
    check(screen.run())
    check(screen.button(key=evaluation_keys.EVALUATION_CANCEL).click().run())
    screen.text_area(key=keys.dialog_reason("cancel")).set_value("not needed")
    submit_dialog(screen, "cancel")
    assert get_newest(suite).state == "cancelled"


def test_resume_takes_a_higher_spend_limit(suite: sa.Engine) -> None:
    launch_with(suite, state="paused", started_at=now(), problem="the spend limit is reached")
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_RESUME).click().run())
    screen.number_input(key=evaluation_keys.RESUME_LIMIT_USD).set_value(2.5)
    screen.text_area(key=keys.dialog_reason("resume")).set_value("approved")
    submit_dialog(screen, "resume")
    resumed = get_newest(suite)
    assert (resumed.state in runs.OPEN_STATES, resumed.config["pace"]["spend_limit_nano_usd"]) == (
        True,
        2_500_000_000,
    )


def test_progress_shows_unpriced_and_failed_calls(suite: sa.Engine) -> None:
    id = launch_with(suite, state="running", started_at=now(), units_done=2, units_failed=1, unpriced_calls=3)
    score = {"repetition": 1, "metric": "reference_overlap", "latency_ms": 1.0, "evaluation_id": id}
    with writing(suite) as connection:
        connection.execute(
            sa.insert(evaluation_score),
            [
                {**score, "case_no": 1, "value": 0.25, "reason": "", "is_failed": False},
                {**score, "case_no": 2, "value": None, "reason": "timed out", "is_failed": True},
            ],
        )
    screen = open_screen("evaluations")
    figures = {element.label: (element.value, element.delta) for element in screen.metric}
    assert "3 calls without a price" in figures["Spent"][1]
    assert "1 × timed out" in read_texts(screen)
    assert "Partial" in read_texts(screen)
    assert any(
        "mean" in element.value and list(element.value["mean"]) == [0.25] for element in screen.dataframe
    )


def test_empty_limit_is_shown_as_unchanged(suite: sa.Engine) -> None:
    pace = RateLimits(spend_limit_nano_usd=200_000_000).as_json()
    launch_with(suite, state="paused", started_at=now(), config={"pace": pace})
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_RESUME).click().run())
    assert screen.number_input(key=evaluation_keys.RESUME_LIMIT_USD).placeholder == "unchanged: $0.200"


def test_list_and_progress_show_the_same_state(suite: sa.Engine) -> None:
    id = launch_with(suite, state="queued")
    screen = open_screen("evaluations")
    with writing(suite) as connection:
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(state="running"))
    check(screen.run())
    states = next(table.value["state"] for table in screen.dataframe if "state" in table.value)
    assert list(states) == [["running"]]


def test_unscored_cases_are_counted_by_reason(suite: sa.Engine) -> None:
    entry = summarise(
        "reference_overlap", [[UnitResult(value=0.5)], [UnitResult(value=None, is_failed=True)]], unscored=3
    )
    results = {"metrics": {"reference_overlap": entry.as_json()}}
    launch_with(suite, state="failed", problem="the provider was away", results=results)
    screen = open_screen("evaluations")
    assert [metric.proto.delta_description for metric in screen.metric] == ["n 1 of 5"]
    assert "Reference overlap (proxy) 1 failed, 3 not scored" in read_texts(screen)


def test_link_to_unknown_evaluation_warns(demo_engine: sa.Engine) -> None:
    screen = open_screen("evaluations", **{keys.EVALUATION: "gone"})
    assert "There is no evaluation gone" in read_texts(screen)


def test_evaluation_without_release_shows_its_application(suite: sa.Engine) -> None:
    launch_with(suite, state="finished", application="shop", release="")
    screen = open_screen("evaluations")
    assert any(
        "release" in table.value and list(table.value["release"]) == ["shop"] for table in screen.dataframe
    )


def test_gate_table_shows_units(suite: sa.Engine) -> None:
    metrics = {"latency_p95": "limit", "cost_per_query": "limit", "safety": "threshold", "cost": "regression"}
    gates = [{"metric": name, "kind": kind, "verdict": "passed"} for name, kind in metrics.items()]
    launch_with(suite, state="finished", verdict="passed", results={"gates": gates})
    table = next(
        element.value for element in open_screen("evaluations").dataframe if "threshold" in element.value
    )
    assert list(table["unit"]) == ["ms", "USD", "score", "degradation"]


def test_finished_evaluation_shows_verdict_and_gates(demo_engine: sa.Engine) -> None:
    screen = open_screen("evaluations")
    assert any("verdict" in str(element.value) for element in screen.markdown)
    assert all("(proxy)" in element.label for element in screen.metric)
    assert any("why" in element.value for element in screen.dataframe)


@pytest.mark.parametrize("tab", ["Cases", "Compare", "Spend", "Judge-human agreement", "Setup"])
def test_each_tab_draws_without_error(demo_engine: sa.Engine, tab: str) -> None:
    screen = open_screen("evaluations", **{evaluation_keys.EVALUATION_TAB: tab})
    assert not screen.error


def test_old_name_of_the_agreement_tab_still_opens_it(demo_engine: sa.Engine) -> None:
    screen = open_screen("evaluations", **{evaluation_keys.EVALUATION_TAB: "Against humans"})
    assert screen.session_state[evaluation_keys.EVALUATION_TAB] == "Judge-human agreement"


def test_warning_is_shown_with_its_reason(suite: sa.Engine) -> None:
    gate = {
        "metric": "monthly_cost",
        "kind": "limit",
        "verdict": "warning",
        "why": "alert: 86% of the budget",
    }
    launch_with(suite, state="finished", verdict="warning", results={"gates": [gate]})
    texts = read_texts(open_screen("evaluations"))
    assert "Passed with a warning" in texts
    assert "alert: 86% of the budget" in texts
    assert "1 with a warning" in texts
