"""The Compare tab: which baseline it begins with, what it says, and what stands where there is none."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.runs import comparing, execution
from pages.parts.charts import difference_chart
from pages.parts.shared import keys
from tests.integration import test_pages as screens
from tests.integration.operating import approved, start

demo, bare, demo_file = screens.demo, screens.bare, screens.demo_file
server_that_remembers_its_router = screens.server_that_remembers_its_router
checked, open_screen, shown = screens.checked, screens.open_screen, screens.shown


def tab(**query: str) -> AppTest:
    return checked(open_screen("evaluations", **{keys.EVALUATION_TAB: "Compare", **query}))


def demo_runs(engine: sa.Engine) -> list[runs.Evaluation]:
    with reading(engine) as connection:
        return runs.list_evaluations(connection)


def test_it_begins_with_the_run_of_the_release_in_production(demo: sa.Engine) -> None:
    newest = demo_runs(demo)[0]
    screen = tab()
    chosen = screen.selectbox(key=f"{keys.COMPARE_BASELINE}_{newest.id}")
    production = next(run for run in demo_runs(demo) if run.id == chosen.value)
    assert (newest.release, production.release) == ("v15", "v14")
    assert "64 cases in both runs" in shown(screen)
    table = next(one.value for one in screen.dataframe if "difference" in one.value and "why" in one.value)
    assert table["verdict"].iloc[0] == ["failed"]
    assert "Bonferroni" in shown(screen)


def test_more_allowance_and_another_method_change_what_is_decided(demo: sa.Engine) -> None:
    newest = demo_runs(demo)[0]
    screen = tab()
    screen.number_input(key=f"{keys.COMPARE_ALLOWED}_{newest.id}").set_value(0.5)
    checked(screen.segmented_control(key=f"{keys.COMPARE_METHOD}_{newest.id}").set_value("permutation").run())
    table = next(one.value for one in screen.dataframe if "p_value" in one.value)
    assert {verdict for cell in table["verdict"] for verdict in cell} == {"passed"}
    assert "sign-flip" in shown(screen)


def test_cases_that_fell_are_listed_with_both_answers(demo: sa.Engine) -> None:
    screen = tab()
    listed = next(one.value for one in screen.dataframe if "before" in one.value)
    assert list(listed["difference"]) == sorted(listed["difference"])
    assert any("This run" in one.value for one in screen.markdown)


def test_the_first_run_has_no_baseline_and_says_how_one_comes(bare: sa.Engine) -> None:
    datasets.import_dataset(bare, actor="ada", name="suite", data=screens.CSV, filename="cases.csv")
    execution.run(bare, runs.launch(bare, actor="ada", dataset="suite"))
    screen = tab()
    assert "No baseline yet" in shown(screen)
    assert "Evaluate the release in production" in shown(screen)


def test_a_launch_remembers_the_run_of_production_as_its_baseline(bare: sa.Engine) -> None:
    datasets.import_dataset(bare, actor="ada", name="suite", data=screens.CSV, filename="cases.csv")
    start(bare, approved(bare, "v1", application="shop", model="m"), application="shop")
    of = {"actor": "ada", "dataset": "suite", "application": "shop", "release": "v1"}
    first = execution.run(bare, runs.launch(bare, **of))  # type: ignore[arg-type]
    screen = open_screen("evaluations")
    checked(screen.button(key=keys.EVALUATION_NEW).click().run())
    checked(screen.selectbox(key=keys.RUN_RELEASE).set_value("shop/v1").run())
    checked(screen.button(key=keys.RUN_LAUNCH).click().run())
    assert demo_runs(bare)[0].config["baseline"] == first.id


def test_a_comparison_as_a_file_is_safe_in_a_spreadsheet(bare: sa.Engine) -> None:
    rows = b"question,answer,ground_truth\n" + b"".join(b"=1+%d,a,a\n" % number for number in range(12))
    datasets.import_dataset(bare, actor="ada", name="formulas", data=rows, filename="f.csv")
    ids = [runs.launch(bare, actor="ada", dataset="formulas") for _ in range(2)]
    for id in ids:
        execution.run(bare, id)
    with reading(bare) as connection:
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
