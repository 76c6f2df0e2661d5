"""The evaluations screen: what its form launches, what its buttons change, what its tabs say."""

from __future__ import annotations

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
from genaiops_core.evaluation.verdicts.summaries import Unit, summarise
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from pages.parts.shared import keys
from tests.integration.screens import CSV, check, open_screen, read_texts, submit_dialog


@pytest.fixture
def suite(empty_engine: sa.Engine) -> sa.Engine:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    return empty_engine


def form(engine: sa.Engine) -> AppTest:
    screen = open_screen("evaluations")
    return check(screen.button(key=evaluation_keys.EVALUATION_NEW).click().run())


def newest(engine: sa.Engine) -> runs.Evaluation:
    with reading(engine) as connection:
        return runs.list_evaluations(connection)[0]


def last_action(engine: sa.Engine) -> audit.AuditEntry:
    with reading(engine) as connection:
        return audit.entries(connection, limit=1)[0]


def test_minimums_are_launched_and_the_run_waits_for_a_worker(suite: sa.Engine) -> None:
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_BY).set_value("My own minimums").run())
    screen.number_input(key=launch_keys.run_minimum("reference_overlap")).set_value(0.5)
    screen.text_area(key=launch_keys.RUN_REASON).set_value("before the release")
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    run = newest(suite)
    assert (run.state, run.dataset, run.created_by) == ("queued", "suite", "grace")
    assert run.config["minimums"] == {"reference_overlap": 0.5}
    assert last_action(suite).reason == "before the release"
    assert "No worker is running" in read_texts(screen)


def test_the_form_says_what_cases_lack_before_the_launch(suite: sa.Engine) -> None:
    screen = form(suite)
    table = next(one.value for one in screen.dataframe if "lacking" in one.value)
    # Neither of the two cases has contexts, one has no reference.
    assert dict(zip(table["title"], table["lacking"], strict=True))["Grounding overlap (proxy)"] == 2


def test_a_launch_that_is_refused_keeps_what_was_typed(suite: sa.Engine) -> None:
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    screen.text_input(key=launch_keys.RUN_BASE_URL).set_value("nonsense")
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert "must be an http or https URL" in read_texts(screen)
    assert screen.text_input(key=launch_keys.RUN_BASE_URL).value == "nonsense"
    with reading(suite) as connection:
        assert runs.list_evaluations(connection) == []


def test_a_target_that_is_half_described_is_refused(suite: sa.Engine) -> None:
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.TARGET_KIND).set_value("http").run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert "url is missing" in read_texts(screen)
    with reading(suite) as connection:
        assert runs.list_evaluations(connection) == []


def test_the_form_says_that_the_gates_take_a_sample(empty_engine: sa.Engine) -> None:
    cases = [Case(input=f"q{n}", answer="a", contexts=None, reference="a", metadata={}) for n in range(1_010)]
    datasets.add_cases(empty_engine, actor="ada", name="large", cases=cases, source="test")
    screen = form(empty_engine)
    assert facts_before_launch(screen)["Cases"].iloc[0] == "1,000 of 1,010"
    assert not [one for one in screen.button if one.key == evaluation_keys.EVALUATION_NEW]


def test_gates_that_nothing_can_decide_are_said_before_the_launch(suite: sa.Engine) -> None:
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("bedrock").run())
    gates = next(one.value for one in screen.dataframe if "asked" in one.value)
    said = dict(zip(gates["metric"], gates["why"], strict=True))
    assert said["faithfulness"] == ""
    assert said["latency p95"] == said["monthly cost"] == "no release is chosen whose traffic could tell"
    check(screen.segmented_control(key=launch_keys.TARGET_KIND).set_value("bedrock").run())
    check(screen.text_input(key=launch_keys.TARGET_MODEL).set_value("amazon.nova-lite-v1:0").run())
    gates = next(one.value for one in screen.dataframe if "asked" in one.value)
    said = dict(zip(gates["metric"], gates["why"], strict=True))
    # Generated answers have a latency of their own; a month's spend only traffic has.
    assert said["latency p95"] == "" != said["monthly cost"]


def test_one_split_is_chosen_and_its_cases_counted(empty_engine: sa.Engine) -> None:
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
    screen = form(empty_engine)
    check(screen.segmented_control(key=f"{launch_keys.RUN_SPLIT}_parted_1").set_value("test").run())
    assert any("Undefined, of 3" in str(one.proto.columns) for one in screen.dataframe)
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    run = newest(empty_engine)
    assert (run.split, run.units) == ("test", 3 * len(run.metrics))


def test_the_worst_cost_is_said_or_that_it_is_unknown(suite: sa.Engine) -> None:
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    assert "$" in cost_said(screen)
    # Answer relevancy embeds, and nobody knows what this model takes for it.
    check(screen.text_input(key=launch_keys.RUN_EMBEDDING).set_value("nobody-knows-7b").run())
    assert cost_said(screen) == "unknown: no price for this model"


def facts_before_launch(screen: AppTest) -> pd.DataFrame:
    facts = next(
        one.value for one in screen.table if "Scores" in one.value.index or "Scores" in one.value.columns
    )
    return facts.T if "Scores" in facts.index else facts


def cost_said(screen: AppTest) -> str:
    return str(facts_before_launch(screen)["Cost of judging, at most"].iloc[0]).replace("\\", "")


def test_the_form_never_shows_a_key(suite: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    screen = form(suite)
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("openai").run())
    assert "OPENAI_API_KEY" in read_texts(screen) and "sk-very-secret" not in read_texts(screen)


def launched(engine: sa.Engine, **changes: object) -> str:
    id = runs.launch(engine, actor="ada", dataset="suite", minimums={"reference_overlap": 0.5})
    with writing(engine) as connection:
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(**changes))
    return id


def test_pause_and_cancel_ask_why(suite: sa.Engine) -> None:
    launched(suite, state="running", started_at=now())
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_PAUSE).click().run())
    screen.text_area(key=keys.dialog_reason("pause")).set_value("provider is down")
    submit_dialog(screen, "pause")
    assert (newest(suite).state, last_action(suite).action) == ("paused", "evaluation.pause")
    check(screen.run())
    check(screen.button(key=evaluation_keys.EVALUATION_CANCEL).click().run())
    screen.text_area(key=keys.dialog_reason("cancel")).set_value("not needed")
    submit_dialog(screen, "cancel")
    assert newest(suite).state == "cancelled"


def test_a_run_is_resumed_with_a_higher_limit(suite: sa.Engine) -> None:
    launched(suite, state="paused", started_at=now(), problem="the spend limit is reached")
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_RESUME).click().run())
    screen.number_input(key=evaluation_keys.RESUME_LIMIT_USD).set_value(2.5)
    screen.text_area(key=keys.dialog_reason("resume")).set_value("approved")
    submit_dialog(screen, "resume")
    run = newest(suite)
    assert (run.state in runs.OPEN_STATES, run.config["pace"]["spend_limit_nano_usd"]) == (
        True,
        2_500_000_000,
    )


def test_progress_says_what_is_not_known(suite: sa.Engine) -> None:
    id = launched(suite, state="running", started_at=now(), units_done=2, units_failed=1, unpriced_calls=3)
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
    figures = {one.label: (one.value, one.delta) for one in screen.metric}
    assert "3 calls without a price" in figures["Spent"][1]
    assert "1 × timed out" in read_texts(screen)
    assert "Partial" in read_texts(screen)
    assert any("mean" in one.value and list(one.value["mean"]) == [0.25] for one in screen.dataframe)


def test_a_limit_that_is_left_empty_is_said_to_stay(suite: sa.Engine) -> None:
    pace = RateLimits(spend_limit_nano_usd=200_000_000).as_json()
    launched(suite, state="paused", started_at=now(), config={"pace": pace})
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_RESUME).click().run())
    assert screen.number_input(key=evaluation_keys.RESUME_LIMIT_USD).placeholder == "unchanged: $0.200"


def test_list_and_progress_tell_the_same_state(suite: sa.Engine) -> None:
    id = launched(suite, state="queued")
    screen = open_screen("evaluations")
    with writing(suite) as connection:
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(state="running"))
    check(screen.run())
    states = next(one.value["state"] for one in screen.dataframe if "state" in one.value)
    assert list(states) == [["running"]]


def test_cases_without_a_value_are_told_apart(suite: sa.Engine) -> None:
    entry = summarise(
        "reference_overlap", [[Unit(value=0.5)], [Unit(value=None, is_failed=True)]], unscored=3
    )
    results = {"metrics": {"reference_overlap": entry.as_json()}}
    launched(suite, state="failed", problem="the provider was away", results=results)
    screen = open_screen("evaluations")
    assert [one.proto.delta_description for one in screen.metric] == ["n 1 of 5"]
    assert "Reference overlap (proxy) 1 failed, 3 not scored" in read_texts(screen)


def test_a_link_to_no_evaluation_says_so(demo_engine: sa.Engine) -> None:
    screen = open_screen("evaluations", **{keys.EVALUATION: "gone"})
    assert "There is no evaluation gone" in read_texts(screen)


def test_a_run_without_a_release_names_its_application_alone(suite: sa.Engine) -> None:
    launched(suite, state="finished", application="shop", release="")
    screen = open_screen("evaluations")
    assert any("release" in one.value and list(one.value["release"]) == ["shop"] for one in screen.dataframe)


def test_gates_name_the_units_of_their_figures(suite: sa.Engine) -> None:
    metrics = {"latency_p95": "limit", "cost_per_query": "limit", "safety": "threshold", "cost": "regression"}
    gates = [{"metric": name, "kind": kind, "verdict": "passed"} for name, kind in metrics.items()]
    launched(suite, state="finished", verdict="passed", results={"gates": gates})
    table = next(one.value for one in open_screen("evaluations").dataframe if "threshold" in one.value)
    assert list(table["unit"]) == ["ms", "USD", "score", "degradation"]


def test_a_finished_evaluation_shows_verdict_gates_and_proxies(demo_engine: sa.Engine) -> None:
    screen = open_screen("evaluations")
    assert any("verdict" in str(one.value) for one in screen.markdown)
    assert all("(proxy)" in one.label for one in screen.metric)
    assert any("why" in one.value for one in screen.dataframe)


@pytest.mark.parametrize("tab", ["Cases", "Compare", "Spend", "Judge-human agreement", "Setup"])
def test_each_tab_of_a_verdict_draws(demo_engine: sa.Engine, tab: str) -> None:
    screen = open_screen("evaluations", **{evaluation_keys.EVALUATION_TAB: tab})
    assert not screen.error
