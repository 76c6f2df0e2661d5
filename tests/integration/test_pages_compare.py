"""The Compare tab: default baseline, verdict, changed cases, and the empty state."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.runs import comparison, execution
from pages.parts.charts import difference_chart
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from tests.integration.operating import create_approved_release, start
from tests.integration.screens import CSV, check, open_screen, read_texts


def open_compare_tab(**query: str) -> AppTest:
    return check(open_screen("evaluations", **{evaluation_keys.EVALUATION_TAB: "Compare", **query}))


def list_evaluations(engine: sa.Engine) -> list[runs.Evaluation]:
    with reading(engine) as connection:
        return runs.list_evaluations(connection)


def test_default_baseline_is_the_production_release(demo_engine: sa.Engine) -> None:
    newest = list_evaluations(demo_engine)[0]
    screen = open_compare_tab()
    baseline = screen.selectbox(key=f"{evaluation_keys.COMPARE_BASELINE}_{newest.id}")
    production = next(
        evaluation for evaluation in list_evaluations(demo_engine) if evaluation.id == baseline.value
    )
    assert (newest.release, production.release) == ("v15", "v14")
    assert "64 cases in both evaluations" in read_texts(screen)
    table = next(
        element.value
        for element in screen.dataframe
        if "difference" in element.value and "why" in element.value
    )
    assert table["verdict"].iloc[0] == ["failed"]
    assert "Bonferroni" in read_texts(screen)


def test_allowance_and_method_change_the_verdicts(demo_engine: sa.Engine) -> None:
    newest = list_evaluations(demo_engine)[0]
    screen = open_compare_tab()
    screen.number_input(key=f"{evaluation_keys.COMPARE_ALLOWED}_{newest.id}").set_value(0.5)
    check(
        screen.segmented_control(key=f"{evaluation_keys.COMPARE_METHOD}_{newest.id}")
        .set_value("permutation")
        .run()
    )
    table = next(element.value for element in screen.dataframe if "p_value" in element.value)
    assert {verdict for cell in table["verdict"] for verdict in cell} == {"passed"}
    assert "sign-flip" in read_texts(screen)


def test_fallen_cases_show_both_answers(demo_engine: sa.Engine) -> None:
    screen = open_compare_tab()
    table = next(element.value for element in screen.dataframe if "before" in element.value)
    assert list(table["difference"]) == sorted(table["difference"])
    assert any("This evaluation" in element.value for element in screen.markdown)


def test_first_evaluation_explains_the_missing_baseline(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    execution.run(empty_engine, runs.launch(empty_engine, actor="ada", dataset="suite"))
    screen = open_compare_tab()
    assert "No baseline yet" in read_texts(screen)
    assert "Evaluate the production release" in read_texts(screen)


def test_launch_stores_the_production_baseline(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    start(
        empty_engine,
        create_approved_release(empty_engine, "v1", application="shop", model="m"),
        application="shop",
    )
    arguments = {"actor": "ada", "dataset": "suite", "application": "shop", "release": "v1"}
    first = execution.run(empty_engine, runs.launch(empty_engine, **arguments))  # type: ignore[arg-type]
    screen = open_screen("evaluations")
    check(screen.button(key=evaluation_keys.EVALUATION_NEW).click().run())
    check(screen.selectbox(key=launch_keys.RUN_RELEASE).set_value("shop/v1").run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    assert list_evaluations(empty_engine)[0].config["baseline"] == first.id


def test_comparison_csv_escapes_formulas(empty_engine: sa.Engine) -> None:
    rows = b"question,answer,ground_truth\n" + b"".join(b"=1+%d,a,a\n" % number for number in range(12))
    datasets.import_dataset(empty_engine, actor="ada", name="formulas", data=rows, filename="f.csv")
    ids = [runs.launch(empty_engine, actor="ada", dataset="formulas") for _ in range(2)]
    for id in ids:
        execution.run(empty_engine, id)
    with reading(empty_engine) as connection:
        compared = comparison.compare_runs(connection, *ids)
    assert b"'=1+3" in compared.as_csv() and b",=1+3" not in compared.as_csv()
    assert compared.comparison.verdict == "passed"


@pytest.mark.parametrize("is_share", [True, False])
def test_chart_keeps_row_order_and_shows_the_limit(is_share: bool) -> None:
    rows = [
        difference_chart.Row(name=name, difference=0.0, low=-0.1, high=0.1, verdict=verdict)
        for name, verdict in (("a", "passed"), ("b", "failed"), ("c", "passed"))
    ]
    figure = difference_chart.build_difference_chart(rows, allowed=-0.05, unit="u", is_share=is_share)
    assert list(figure.layout.yaxis.categoryarray) == ["c", "b", "a"]
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {
        "passed",
        "failed",
        "allowed -5%" if is_share else "allowed -0.05",
    }
