"""The metrics screen: rubrics are written, previewed, saved and changed."""

from __future__ import annotations

import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.metrics import rubrics
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from pages.parts.metrics import metric_keys
from tests.integration.screens import CSV, check, open_screen, read_texts

PROMPT = "Is this polite?\n{answer}"
SCALE = [{"label": "yes", "value": 1.0, "meaning": ""}, {"label": "no", "value": 0.0, "meaning": ""}]


def save_rubric(
    screen: AppTest, identity: str, *, prompt: str = PROMPT, name: str = "", reason: str = "asked for"
) -> AppTest:
    if name:
        screen.text_input(key=f"{metric_keys.RUBRIC_NAME}_{identity}").set_value(name)
    screen.text_area(key=f"{metric_keys.RUBRIC_PROMPT}_{identity}").set_value(prompt)
    screen.text_input(key=metric_keys.RUBRIC_REASON).set_value(reason)
    return check(screen.button(key=metric_keys.RUBRIC_SAVE).click().run())


def list_saved(engine: sa.Engine) -> list[rubrics.SavedRubric]:
    with reading(engine) as connection:
        return rubrics.list_rubrics(connection)


def test_rubric_is_saved_with_its_reason(empty_engine: sa.Engine) -> None:
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    save_rubric(screen, "new", name="politeness")
    saved = list_saved(empty_engine)[0]
    assert (saved.rubric.name, saved.rubric.version, saved.created_by) == ("politeness", 1, "grace")
    assert saved.rubric.needs == ("answer",)
    assert [label.label for label in saved.rubric.scale] == ["polite", "blunt", "rude"]
    with reading(empty_engine) as connection:
        assert audit.entries(connection, limit=1)[0].reason == "asked for"


def test_refused_rubric_keeps_the_form(empty_engine: sa.Engine) -> None:
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    save_rubric(screen, "new", name="politeness", prompt="What of {nothing}?")
    assert "contains {nothing}, which is not a field of a case" in read_texts(screen)
    assert screen.text_area(key=f"{metric_keys.RUBRIC_PROMPT}_new").value == "What of {nothing}?"
    assert list_saved(empty_engine) == []


def test_change_creates_a_version_with_difference(empty_engine: sa.Engine) -> None:
    rubrics.save_rubric(empty_engine, actor="ada", name="politeness", prompt=PROMPT, scale=SCALE)
    screen = open_screen("metrics")
    check(screen.button(key="rubric_change_politeness").click().run())
    save_rubric(screen, "politeness_1", prompt=f"{PROMPT}\nBe strict.")
    assert [element.rubric.version for element in list_saved(empty_engine)] == [2, 1]
    screen = open_screen("metrics")
    check(screen.selectbox(key="rubric_Compare with_politeness").set_value(1).run())
    assert any("+Be strict." in element.value for element in screen.code)


def test_preview_shows_a_case_as_text(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    check(screen.number_input(key=f"{metric_keys.RUBRIC_CASE}_suite").set_value(2).run())
    assert any("Paris" in element.value and "- polite:" in element.value for element in screen.code)


def test_evaluation_stores_its_rubric(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    rubrics.save_rubric(empty_engine, actor="ada", name="politeness", prompt=PROMPT, scale=SCALE)
    screen = check(open_screen("evaluations").button(key=evaluation_keys.EVALUATION_NEW).click().run())
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("bedrock").run())
    chooser = next(
        field for field in screen.multiselect if str(field.key).startswith(launch_keys.RUN_METRICS)
    )
    check(chooser.set_value(["politeness"]).run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    with reading(empty_engine) as connection:
        launched = runs.list_evaluations(connection)[0]
    assert launched.metrics == ("politeness",)
    assert launched.config["judge_options"]["rubrics"][0]["prompt"] == PROMPT
