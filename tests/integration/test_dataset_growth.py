"""Cases from production requests and from documents, and their review."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.demo.writer import as_decoded_export
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets import add_traces, case_review, changes, search, uses
from genaiops_core.evaluation.datasets.add_trace import add_trace
from genaiops_core.evaluation.datasets.add_traces import (
    SAME_INPUT,
    SAME_TRACE,
    add_matching_traces,
    build_query,
)
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.search import CaseFilter
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.synthesis.chunks import Document
from genaiops_core.evaluation.synthesis.generation import generate_cases
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.sampling import feedback
from tests.drafts import LONG_SENTENCE, DraftModel
from tests.integration.evaluating import import_prices
from tests.integration.sampled import APPLICATION, DAY, traces


def test_matching_requests_become_one_version(engine: sa.Engine) -> None:
    requests = traces(12)
    ingest(engine, as_decoded_export(APPLICATION, requests))
    add_trace(engine, actor="ada", application=APPLICATION, trace_id=requests[-1].trace_id, dataset="real")
    result = add_matching_traces(engine, actor="ada", dataset="real", filters=DAY, limit=10)
    assert (result.matched, result.has_more) == (10, True)
    assert result.skipped.pop(SAME_TRACE) == 1
    assert result.added + sum(result.skipped.values()) == 9
    assert result.version is not None and (result.version.version, result.version.cases) == (
        2,
        result.added + 1,
    )
    with reading(engine) as connection:
        inputs = [case.input for _number, case in datasets.list_cases(connection, "real", 2)]
        entry = audit.entries(connection, action="dataset.from_traces")[0]
    assert len(set(inputs)) == len(inputs)
    assert (entry.actor, entry.after and entry.after["cases"]) == ("ada", result.added + 1)
    second_result = add_matching_traces(engine, actor="ada", dataset="real", filters=DAY, limit=10)
    assert (second_result.added, second_result.version and second_result.version.version) == (0, 2)


def test_only_disliked_answers_are_added(engine: sa.Engine) -> None:
    requests = traces(4)
    ingest(engine, as_decoded_export(APPLICATION, requests))
    feedback.record_feedback(engine, trace_id=requests[1].trace_id, user_id="u", thumb="down")
    result = add_matching_traces(
        engine, actor="ada", dataset="bad", filters=DAY, query=build_query(only_disliked=True), limit=50
    )
    assert (result.matched, result.added, result.has_more) == (1, 1, False)
    empty_result = add_matching_traces(
        engine, actor="ada", dataset="none", filters=DAY, query=build_query(only_errors=True)
    )
    assert (empty_result.version, empty_result.matched, empty_result.added) == (None, 0, 0)


def test_conditions_become_a_search() -> None:
    query = build_query("refund OR parcel", only_errors=True, metric="faithfulness", below=0.7)
    assert query == "(refund OR parcel) status:error score(faithfulness)<0.7"
    with pytest.raises(BadInput, match="a metric and a threshold"):
        build_query(metric="faithfulness")
    with pytest.raises(BadInput, match="character 1"):
        build_query("colour:red")


def test_repeated_input_is_one_case(engine: sa.Engine) -> None:
    existing_cases = [Case(input=" Why? ")]
    trace_cases = [Case(input="Why?", metadata={"trace_id": "a", "application": "b"})]
    assert add_traces._select_new_cases(existing_cases, trace_cases) == ([], {SAME_INPUT: 1})


def build_documents() -> list[Document]:
    text = "\n\n".join(f"Rule {number}: {LONG_SENTENCE * 8}" for number in range(3))
    return [Document(name="post.md", text=text)]


def test_questions_about_documents_await_review(engine: sa.Engine) -> None:
    import_prices(engine, 2)
    generated = asyncio.run(
        generate_cases(
            engine,
            actor="ada",
            dataset="prices",
            documents=build_documents(),
            calls=DraftModel(),
            judge="loop",
            cases=3,
        )
    )
    assert (generated.version.version, generated.added, generated.passages, generated.cost_nano_usd) == (
        2,
        3,
        3,
        3_000,
    )
    with reading(engine) as connection:
        case_page = search.find_cases(connection, "prices", 2, CaseFilter(review="pending"), limit=2)
        facets = search.count_facets(connection, "prices", 2)
        assert search.list_case_numbers(connection, "prices", 2, CaseFilter(review="pending")) == [3, 4, 5]
    assert (case_page.total, [number for number, _case in case_page.cases]) == (3, [3, 4])
    assert facets.reviews == {"": 2, "pending": 3}

    reviewed = case_review.review_cases(
        engine, actor="grace", name="prices", version=2, accept=[3], reject=[4], reason="read them"
    )
    with reading(engine) as connection:
        states = [
            case.metadata.get("review") for _number, case in datasets.list_cases(connection, "prices", 3)
        ]
        entry = audit.entries(connection, action="dataset.review")[0]
    assert (reviewed.cases, states) == (4, [None, None, "accepted", "pending"])
    assert (entry.actor, entry.reason) == ("grace", "read them")
    with pytest.raises(BadInput, match="Case 1 of prices version 3 is not pending"):
        case_review.review_cases(engine, actor="grace", name="prices", version=3, accept=[1])


def test_failed_generation_creates_no_version(engine: sa.Engine) -> None:
    with pytest.raises(CallFailed, match="No draft of loop is usable: The model answered nothing"):
        asyncio.run(
            generate_cases(
                engine,
                actor="ada",
                dataset="new",
                documents=build_documents(),
                calls=DraftModel(failing_text="Rule"),
                judge="loop",
                cases=2,
            )
        )
    with reading(engine) as connection:
        assert datasets.list_datasets(connection) == []


def test_cases_are_searched_by_split_and_words(engine: sa.Engine) -> None:
    import_prices(engine, 40)
    changes.split_version(
        engine, actor="ada", name="prices", version=1, shares=changes.parse_shares("dev=3, test=1")
    )
    with reading(engine) as connection:
        splits = search.count_facets(connection, "prices", 2).splits
        dev_page = search.find_cases(connection, "prices", 2, CaseFilter(split="dev"), limit=5, offset=5)
        matches = search.find_cases(connection, "prices", 2, CaseFilter(words="ITEM 7 cost"), limit=5)
        literal_matches = search.find_cases(connection, "prices", 2, CaseFilter(words="%"), limit=5)
        entry = audit.entries(connection, action="dataset.split")[0]
    assert splits["dev"] + splits["test"] == 40
    assert (dev_page.total, len(dev_page.cases)) == (splits["dev"], 5)
    assert (matches.total, literal_matches.total) == (1, 0)
    assert entry.before == {"version": 1}
    with pytest.raises(BadInput, match="'test'"):
        changes.parse_shares("dev=1 test")


def test_uses_list_evaluations_of_a_dataset(engine: sa.Engine) -> None:
    import_prices(engine, 2)
    evaluation_id = runs.launch(
        engine, actor="ada", application="shop", release="v1", dataset="prices", judge="offline"
    )
    with reading(engine) as connection:
        dataset_uses = uses.list_uses(connection, "prices")
    assert [(use.evaluation, use.version, use.application) for use in dataset_uses] == [
        (evaluation_id, 1, "shop")
    ]
