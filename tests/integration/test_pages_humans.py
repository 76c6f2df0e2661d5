"""One evaluation against people, on the screen: labelling, importing, agreement, and what may be changed about it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation.human import judged, labels
from pages.parts.shared import keys
from tests.integration import test_pages as screens
from tests.integration.labelled import DATASET, METRIC, dataset, finished, labelled
from tests.integration.test_agreement import SAID, VALUES

bare = screens.bare
server_that_remembers_its_router = screens.server_that_remembers_its_router
checked, shown = screens.checked, screens.shown


def _script() -> None:
    import streamlit as st

    from pages.parts import reads
    from pages.parts.reviews import judge_agreement_view
    from pages.parts.shared import frame

    here = frame.guard("evaluations")
    judge_agreement_view.draw(here, reads.get_evaluation(here.url, st.query_params["run"]))


def opened(identifier: str) -> AppTest:
    screen = AppTest.from_function(_script, default_timeout=60)
    screen.query_params["run"] = identifier
    return checked(screen.run())


@pytest.fixture
def run(bare: sa.Engine) -> str:
    dataset(bare, 60)
    return finished(bare, VALUES, minimum=0.6)


def kept(engine: sa.Engine, metric: str) -> dict[str, labels.Labelled]:
    with reading(engine) as connection:
        return labels.by_case(connection, DATASET).get(metric, {})


def test_without_labels_it_says_what_they_would_tell(run: str) -> None:
    said = shown(opened(run))
    assert "Nobody has labelled a case of prices yet. With 20 labels or more" in said
    assert "0 cases of prices labelled" in str(opened(run).get("progress")[0].proto.text)


def test_a_click_labels_the_case_shown_and_brings_the_next(bare: sa.Engine, run: str) -> None:
    with reading(bare) as connection:
        first, second = judged.to_label(
            connection, run, label="answer_quality", labeller="grace", order="random", limit=2
        )
    screen = opened(run)
    assert first.input in [one.value for one in screen.code]
    assert not any("0.9" in str(one.value) for one in screen.code), "the judge's score would lead"
    checked(screen.button(key=keys.label_value("partly")).click().run())
    assert {sha: one.value for sha, one in kept(bare, "answer_quality").items()} == {first.case_sha256: 0.5}
    assert second.input in [one.value for one in screen.code]
    checked(screen.button(key=keys.LABEL_SKIP).click().run())
    assert second.input not in [one.value for one in screen.code]


def test_labels_nearest_the_threshold_are_known_as_such(bare: sa.Engine, run: str) -> None:
    screen = opened(run)
    checked(screen.segmented_control(key=keys.LABEL_ORDER).set_value("nearest").run())
    checked(screen.selectbox(key=keys.LABEL_NEAREST_OF).set_value(METRIC).run())
    checked(screen.button(key=keys.label_value("bad")).click().run())
    assert [one.is_random for one in kept(bare, "answer_quality").values()] == [False]


def test_agreement_stands_beside_both_means(bare: sa.Engine, run: str) -> None:
    labelled(bare, SAID)
    screen = opened(run)
    table = screen.dataframe[0].value
    assert list(table["metric"]) == [METRIC]
    assert list(table["label"]) == ["groundedness (proposed)"]
    assert list(table["labelled"]) == ["40 of 60"]
    assert table["auroc"][0].startswith("1.00 (0.")
    assert "random sample of the judged ones" in shown(screen)
    chosen = screen.selectbox(key=f"{keys.held_against(METRIC)}_{DATASET}")
    checked(chosen.set_value("(none)").run())
    assert "None of the labels (groundedness) is held against a metric of this run" in shown(screen)


def test_few_labels_give_a_sentence_and_no_figure(bare: sa.Engine, run: str) -> None:
    labelled(bare, {1: "good", 4: "bad"})
    screen = opened(run)
    assert "insufficient data: 2 of at least 20 labelled cases (grounding overlap)" in shown(screen)
    assert screen.dataframe[0].value["spearman"].isna().all()


def test_a_file_is_previewed_then_imported(bare: sa.Engine, run: str) -> None:
    screen = opened(run)
    file = screen.file_uploader(key=f"{keys.LABEL_FILE}_0")
    checked(file.set_value(("marks.csv", b"case,mark\n1,4\n2,1\n99,2\n", "text/csv")).run())
    assert "No column holds the labels" in screen.error[0].value
    label = next(one for one in screen.selectbox if str(one.key).startswith(keys.label_column("label")))
    checked(label.set_value("mark").run())
    checked(screen.text_input(key=keys.LABEL_SCALE).set_value("1..4").run())
    assert kept(bare, "answer_quality") == {}
    checked(screen.button(key=keys.LABEL_IMPORT).click().run())
    assert sorted(one.value for one in kept(bare, "answer_quality").values()) == [0.0, 1.0]


def test_reviews_that_are_none_are_said_to_be_none(run: str) -> None:
    screen = opened(run)
    checked(screen.button(key=keys.LABEL_FROM_REVIEWS).click().run())
    assert not screen.error
