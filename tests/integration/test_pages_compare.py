"""The Compare tab: which baseline it begins with, what it says, and what stands where there is none."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.runs import comparing, execution
from pages.parts.charts import difference_chart
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from tests.integration.operating import approved, start
from tests.integration.screens import CSV, check, open_screen, read_texts


def tab(**query: str) -> AppTest:
    return check(open_screen("evaluations", **{evaluation_keys.EVALUATION_TAB: "Compare", **query}))


def demo_runs(engine: sa.Engine) -> list[runs.Evaluation]:
    with reading(engine) as connection:
        return runs.list_evaluations(connection)


def test_it_begins_with_the_run_of_the_release_in_production(demo_engine: sa.Engine) -> None:
    newest = demo_runs(demo_engine)[0]
    screen = tab()
    chosen = screen.selectbox(key=f"{evaluation_keys.COMPARE_BASELINE}_{newest.id}")
    production = next(run for run in demo_runs(demo_engine) if run.id == chosen.value)
    assert (newest.release, production.release) == ("v15", "v14")
    assert "64 cases in both runs" in read_texts(screen)
    table = next(one.value for one in screen.dataframe if "difference" in one.value and "why" in one.value)
    assert table["verdict"].iloc[0] == ["failed"]
    assert "Bonferroni" in read_texts(screen)


def test_more_allowance_and_another_method_change_what_is_decided(demo_engine: sa.Engine) -> None:
    newest = demo_runs(demo_engine)[0]
    screen = tab()
    screen.number_input(key=f"{evaluation_keys.COMPARE_ALLOWED}_{newest.id}").set_value(0.5)
    check(
        screen.segmented_control(key=f"{evaluation_keys.COMPARE_METHOD}_{newest.id}")
        .set_value("permutation")
        .run()
    )
    table = next(one.value for one in screen.dataframe if "p_value" in one.value)
    assert {verdict for cell in table["verdict"] for verdict in cell} == {"passed"}
    assert "sign-flip" in read_texts(screen)


def test_cases_that_fell_are_listed_with_both_answers(demo_engine: sa.Engine) -> None:
    screen = tab()
    listed = next(one.value for one in screen.dataframe if "before" in one.value)
    assert list(listed["difference"]) == sorted(listed["difference"])
    assert any("This run" in one.value for one in screen.markdown)


def test_the_first_run_has_no_baseline_and_says_how_one_comes(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    execution.run(empty_engine, runs.launch(empty_engine, actor="ada", dataset="suite"))
    screen = tab()
    assert "No baseline yet" in read_texts(screen)
    assert "Evaluate the release in production" in read_texts(screen)


def test_a_launch_remembers_the_run_of_production_as_its_baseline(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    start(empty_engine, approved(empty_engine, "v1", application="shop", model="m"), application="shop")
    of = {"actor": "ada", "dataset": "suite", "application": "shop", "release": "v1"}
    first = execution.run(empty_engine, runs.launch(empty_engine, **of))  # type: ignore[arg-type]
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_NEW).click().run())
    check(screen.selectbox(key=launch_keys.RUN_RELEASE).set_value("shop/v1").run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert demo_runs(empty_engine)[0].config["baseline"] == first.id


def test_a_comparison_as_a_file_is_safe_in_a_spreadsheet(empty_engine: sa.Engine) -> None:
    rows = b"question,answer,ground_truth\n" + b"".join(b"=1+%d,a,a\n" % number for number in range(12))
    datasets.import_dataset(empty_engine, actor="ada", name="formulas", data=rows, filename="f.csv")
    ids = [runs.launch(empty_engine, actor="ada", dataset="formulas") for _ in range(2)]
    for id in ids:
        execution.run(empty_engine, id)
    with reading(empty_engine) as connection:
        found = comparing.compare_runs(connection, *ids)
    assert b"'=1+3" in found.as_csv() and b",=1+3" not in found.as_csv()
    assert found.comparison.verdict == "passed"


@pytest.mark.parametrize("is_share", [True, False])
def test_the_chart_keeps_the_order_of_its_rows_and_shows_the_limit(is_share: bool) -> None:
    rows = [
        difference_chart.Row(name=name, difference=0.0, low=-0.1, high=0.1, verdict=verdict)
        for name, verdict in (("a", "passed"), ("b", "failed"), ("c", "passed"))
    ]
    figure = difference_chart.differences(rows, allowed=-0.05, unit="u", is_share=is_share)
    assert list(figure.layout.yaxis.categoryarray) == ["c", "b", "a"]
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {
        "passed",
        "failed",
        "allowed -5%" if is_share else "allowed -0.05",
    }
