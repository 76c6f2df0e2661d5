"""The screen of metrics: a rubric is written, read as the model will read it, saved and changed."""

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


def write(
    screen: AppTest, identity: str, *, prompt: str = PROMPT, name: str = "", reason: str = "asked for"
) -> AppTest:
    if name:
        screen.text_input(key=f"{metric_keys.RUBRIC_NAME}_{identity}").set_value(name)
    screen.text_area(key=f"{metric_keys.RUBRIC_PROMPT}_{identity}").set_value(prompt)
    screen.text_input(key=metric_keys.RUBRIC_REASON).set_value(reason)
    return check(screen.button(key=metric_keys.RUBRIC_SAVE).click().run())


def saved(engine: sa.Engine) -> list[rubrics.SavedRubric]:
    with reading(engine) as connection:
        return rubrics.list_rubrics(connection)


def test_a_rubric_is_saved_with_its_reason(empty_engine: sa.Engine) -> None:
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    write(screen, "new", name="politeness")
    kept = saved(empty_engine)[0]
    assert (kept.rubric.name, kept.rubric.version, kept.created_by) == ("politeness", 1, "grace")
    assert kept.rubric.needs == ("answer",)
    assert [one.label for one in kept.rubric.scale] == ["polite", "blunt", "rude"]
    with reading(empty_engine) as connection:
        assert audit.entries(connection, limit=1)[0].reason == "asked for"


def test_what_is_refused_stays_as_it_was_typed(empty_engine: sa.Engine) -> None:
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    write(screen, "new", name="politeness", prompt="What of {nothing}?")
    assert "names {nothing}, which no case has" in read_texts(screen)
    assert screen.text_area(key=f"{metric_keys.RUBRIC_PROMPT}_new").value == "What of {nothing}?"
    assert saved(empty_engine) == []


def test_a_change_is_a_version_and_its_difference_is_shown(empty_engine: sa.Engine) -> None:
    rubrics.save(empty_engine, actor="ada", name="politeness", prompt=PROMPT, scale=SCALE)
    screen = open_screen("metrics")
    check(screen.button(key="rubric_change_politeness").click().run())
    write(screen, "politeness_1", prompt=f"{PROMPT}\nBe strict.")
    assert [one.rubric.version for one in saved(empty_engine)] == [2, 1]
    screen = open_screen("metrics")
    check(screen.selectbox(key="rubric_Compare with_politeness").set_value(1).run())
    assert any("+Be strict." in one.value for one in screen.code)


def test_the_preview_holds_a_real_case_as_text(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    screen = check(open_screen("metrics").button(key=metric_keys.RUBRIC_NEW).click().run())
    check(screen.number_input(key=f"{metric_keys.RUBRIC_CASE}_suite").set_value(2).run())
    assert any("Paris" in one.value and "- polite:" in one.value for one in screen.code)


def test_a_run_is_launched_with_a_rubric_and_keeps_its_words(empty_engine: sa.Engine) -> None:
    datasets.import_dataset(empty_engine, actor="ada", name="suite", data=CSV, filename="cases.csv")
    rubrics.save(empty_engine, actor="ada", name="politeness", prompt=PROMPT, scale=SCALE)
    screen = check(open_screen("evaluations").button(key=evaluation_keys.EVALUATION_NEW).click().run())
    check(screen.segmented_control(key=launch_keys.RUN_JUDGE).set_value("bedrock").run())
    chooser = next(one for one in screen.multiselect if str(one.key).startswith(launch_keys.RUN_METRICS))
    check(chooser.set_value(["politeness"]).run())
    check(screen.button(key=launch_keys.RUN_LAUNCH).click().run())
    with reading(empty_engine) as connection:
        run = runs.list_evaluations(connection)[0]
    assert run.metrics == ("politeness",)
    assert run.config["judge_options"]["rubrics"][0]["prompt"] == PROMPT
