"""The tab Judge-human agreement: labelling, import of labels, agreement, matching of labels to metrics."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation.human import judged, labels
from pages.parts.reviews import review_keys
from tests.integration.labelled import (
    DATASET,
    LABELS,
    METRIC,
    SCORES,
    create_finished_run,
    import_dataset,
    import_labels,
)
from tests.integration.screens import check, read_texts
from tests.waiting import LIMIT_S


def _script() -> None:
    import streamlit as st

    from pages.parts.reads import evaluations
    from pages.parts.reviews import judge_agreement_view
    from pages.parts.shared import frame

    screen = frame.guard("evaluations")
    judge_agreement_view.draw(screen, evaluations.get_evaluation(screen.url, st.query_params["run"]))


def open_agreement(identifier: str) -> AppTest:
    screen = AppTest.from_function(_script, default_timeout=LIMIT_S)
    screen.query_params["run"] = identifier
    return check(screen.run())


@pytest.fixture
def run(empty_engine: sa.Engine) -> str:
    import_dataset(empty_engine, 60)
    return create_finished_run(empty_engine, SCORES, minimum=0.6)


def list_labels(engine: sa.Engine, metric: str) -> dict[str, labels.CaseLabel]:
    with reading(engine) as connection:
        return labels.read_labels_by_case(connection, DATASET).get(metric, {})


def test_empty_state_explains_labels(run: str) -> None:
    texts = read_texts(open_agreement(run))
    assert "No case of prices has a human label yet. With 20 labels or more" in texts
    assert "0 cases of prices labelled" in str(open_agreement(run).get("progress")[0].proto.text)


def test_click_saves_a_label_and_shows_the_next_case(empty_engine: sa.Engine, run: str) -> None:
    with reading(empty_engine) as connection:
        first, second = judged.next_to_label(
            connection, run, label="answer_quality", labeller="grace", order="random", limit=2
        )
    screen = open_agreement(run)
    assert first.input in [element.value for element in screen.code]
    assert not any("0.9" in str(element.value) for element in screen.code), "the judge's score would lead"
    check(screen.button(key=review_keys.label_value("partly")).click().run())
    assert {sha: element.value for sha, element in list_labels(empty_engine, "answer_quality").items()} == {
        first.case_sha256: 0.5
    }
    assert second.input in [element.value for element in screen.code]
    check(screen.button(key=review_keys.LABEL_SKIP).click().run())
    assert second.input not in [element.value for element in screen.code]


def test_labels_near_the_threshold_are_not_random(empty_engine: sa.Engine, run: str) -> None:
    screen = open_agreement(run)
    check(screen.segmented_control(key=review_keys.LABEL_ORDER).set_value("nearest").run())
    check(screen.selectbox(key=review_keys.LABEL_NEAREST_OF).set_value(METRIC).run())
    check(screen.button(key=review_keys.label_value("bad")).click().run())
    assert [label.is_random for label in list_labels(empty_engine, "answer_quality").values()] == [False]


def test_agreement_shows_labels_and_coefficients(empty_engine: sa.Engine, run: str) -> None:
    import_labels(empty_engine, LABELS)
    screen = open_agreement(run)
    table = screen.dataframe[0].value
    assert list(table["metric"]) == [METRIC]
    assert list(table["label"]) == ["groundedness (proposed)"]
    assert list(table["labelled"]) == ["40 of 60"]
    assert table["auroc"][0].startswith("1.00 (0.")
    assert "random sample of the judged ones" in read_texts(screen)
    selectbox = screen.selectbox(key=f"{review_keys.agreement_label(METRIC)}_{DATASET}")
    check(selectbox.set_value("(none)").run())
    assert "No label (groundedness) matches a metric of this evaluation" in read_texts(screen)


def test_few_labels_give_a_reason_and_no_figure(empty_engine: sa.Engine, run: str) -> None:
    import_labels(empty_engine, {1: "good", 4: "bad"})
    screen = open_agreement(run)
    assert "insufficient data: 2 of at least 20 labelled cases (grounding overlap)" in read_texts(screen)
    assert screen.dataframe[0].value["spearman"].isna().all()


def test_label_file_is_previewed_then_imported(empty_engine: sa.Engine, run: str) -> None:
    screen = open_agreement(run)
    file = screen.file_uploader(key=f"{review_keys.LABEL_FILE}_0")
    check(file.set_value(("marks.csv", b"case,mark\n1,4\n2,1\n99,2\n", "text/csv")).run())
    assert "No column with the labels is recognised" in screen.error[0].value
    label = next(
        element
        for element in screen.selectbox
        if str(element.key).startswith(review_keys.label_column("label"))
    )
    check(label.set_value("mark").run())
    check(screen.text_input(key=review_keys.LABEL_SCALE).set_value("1..4").run())
    assert list_labels(empty_engine, "answer_quality") == {}
    check(screen.button(key=review_keys.LABEL_IMPORT).click().run())
    assert sorted(element.value for element in list_labels(empty_engine, "answer_quality").values()) == [
        0.0,
        1.0,
    ]


def test_copying_no_reviews_is_no_error(run: str) -> None:
    screen = open_agreement(run)
    check(screen.button(key=review_keys.LABEL_FROM_REVIEWS).click().run())
    assert not screen.error
