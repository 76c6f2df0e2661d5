"""The reviews screen: two independent reviewers, their agreement, and test cases from answers."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human import review_agreement, reviews
from genaiops_core.telemetry.sampling import selection
from genaiops_core.telemetry.sampling.policy import Policy
from pages.parts.datasets import dataset_keys
from pages.parts.reviews import review_keys
from pages.parts.shared import keys
from tests.integration.screens import CSV, check, open_screen, read_texts, submit_dialog


@pytest.fixture
def engine_with_samples(demo_engine: sa.Engine) -> sa.Engine:
    """The demo after sampling has looked at some of it."""
    with reading(demo_engine) as connection:
        if reviews.open_count(connection, reviewer="grace"):
            return demo_engine
    for hour in range(3):
        selection.consider(demo_engine, Policy(), now() + dt.timedelta(hours=hour))
    return demo_engine


def get_first_item(engine: sa.Engine, reviewer: str) -> reviews.ReviewItem:
    with reading(engine) as connection:
        return reviews.queue(connection, reviewer=reviewer, limit=1)[0]


def rate(screen: AppTest, trace_id: str, *labels: str) -> AppTest:
    for label in labels:
        check(screen.button(key=review_keys.review_label(label)).click().run())
    return screen


def test_empty_queue_explains_sampling(empty_engine: sa.Engine) -> None:
    texts = read_texts(open_screen("reviews"))
    assert "Nothing to review" in texts and "0 of 0 requests were sampled" in texts


def test_number_keys_rate_the_next_criterion(engine_with_samples: sa.Engine) -> None:
    item = get_first_item(engine_with_samples, "grace")
    screen = rate(open_screen("reviews"), item.trace_id, "good", "bad", "partly")
    ratings = [
        screen.segmented_control(key=review_keys.review_rating(criterion.name, item.trace_id)).value
        for criterion in reviews.METRICS
    ]
    assert ratings == ["good", "bad", "partly"]
    screen.text_area(key=review_keys.review_comment(item.trace_id)).set_value("half of it")
    check(screen.button(key=review_keys.REVIEW_SUBMIT).click().run())
    with reading(engine_with_samples) as connection:
        page = reviews.read(
            connection, reviewer="grace", application=item.application, trace_id=item.trace_id
        )
    assert page is not None and page.mine is not None
    assert list(page.mine.ratings.values()) == [1.0, 0.0, 0.5] and page.mine.comment == "half of it"
    assert get_first_item(engine_with_samples, "grace").trace_id != item.trace_id


def test_empty_rating_is_refused(engine_with_samples: sa.Engine) -> None:
    item = get_first_item(engine_with_samples, "grace")
    screen = open_screen("reviews")
    check(screen.button(key=review_keys.REVIEW_SUBMIT).click().run())
    assert screen.error
    assert get_first_item(engine_with_samples, "grace").trace_id == item.trace_id


def test_skip_can_be_undone(engine_with_samples: sa.Engine) -> None:
    item = get_first_item(engine_with_samples, "grace")
    screen = open_screen("reviews")
    check(screen.button(key=review_keys.REVIEW_SKIP).click().run())
    assert get_first_item(engine_with_samples, "grace").trace_id != item.trace_id
    check(screen.button(key=review_keys.REVIEW_UNDO).click().run())
    assert get_first_item(engine_with_samples, "grace").trace_id == item.trace_id


def test_two_reviewers_have_agreement_and_disagreements(
    engine_with_samples: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = get_first_item(engine_with_samples, "grace")
    ratings: dict[str, float | str] = {element.name: "good" for element in reviews.METRICS}
    reviews.submit(
        engine_with_samples,
        actor="ada",
        application=item.application,
        trace_id=item.trace_id,
        ratings=ratings,
    )
    screen = open_screen("reviews")
    assert "No answer has two reviews yet" in read_texts(screen)
    assert get_first_item(engine_with_samples, "grace").trace_id == item.trace_id
    rate(screen, item.trace_id, "good", "good", "bad")
    check(screen.button(key=review_keys.REVIEW_SUBMIT).click().run())
    with reading(engine_with_samples) as connection:
        assert len(review_agreement.read_agreement(connection)) == len(reviews.METRICS)
    tables = [element.value for element in screen.dataframe]
    assert any("kappa" in table for table in tables)
    [differing] = [table for table in tables if "difference" in table]
    assert differing["difference"].tolist() == [1.0]


def test_answer_becomes_a_test_case(engine_with_samples: sa.Engine) -> None:
    datasets.import_dataset(engine_with_samples, actor="ada", name="suite", data=CSV, filename="cases.csv")
    screen = open_screen("reviews")
    check(screen.button(key=dataset_keys.TO_DATASET).click().run())
    submit_dialog(screen, "to_dataset")
    assert "Choose a dataset" in screen.session_state[keys.dialog_problem("to_dataset")]
    check(screen.button(key=dataset_keys.TO_DATASET).click().run())
    screen.selectbox(key=dataset_keys.TO_DATASET_NAME).set_value("suite")
    screen.text_area(key=dataset_keys.TO_DATASET_REFERENCE).set_value("As it should be.")
    submit_dialog(screen, "to_dataset")
    with reading(engine_with_samples) as connection:
        cases = datasets.list_cases(connection, "suite", 2, 10, 0)
    assert len(cases) == 3
    assert any("As it should be." in str(case.as_json()) for _, case in cases)


def test_quality_shows_the_sampled_share(engine_with_samples: sa.Engine) -> None:
    screen = open_screen("quality")
    check(screen.segmented_control(key=keys.WINDOW).set_value("30d").run())
    assert "% sampled" in read_texts(screen)
    assert {"effective", "population"} <= set(screen.dataframe[0].value)
