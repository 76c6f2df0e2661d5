"""Datasets that grow: cases from traffic, cases from documents, and the people who review them."""

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
from genaiops_core.evaluation.datasets.add_traces import SAME_INPUT, SAME_TRACE, add_matching_traces, build_query
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.search import CaseFilter
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.synthesis.chunks import Document
from genaiops_core.evaluation.synthesis.generation import generate_cases
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.sampling import feedback
from tests.integration.evaluating import imported
from tests.integration.sampled import APPLICATION, DAY, traces
from tests.unit.test_synthesis import LONG, Writer


def test_what_a_search_finds_becomes_one_version(engine: sa.Engine) -> None:
    requests = traces(12)
    ingest(engine, as_decoded_export(APPLICATION, requests))
    add_trace(
        engine, actor="ada", application=APPLICATION, trace_id=requests[-1].trace_id, dataset="real"
    )
    made = add_matching_traces(engine, actor="ada", dataset="real", filters=DAY, limit=10)
    assert (made.found, made.has_more) == (10, True)
    assert made.skipped.pop(SAME_TRACE) == 1
    assert made.added + sum(made.skipped.values()) == 9
    assert made.version is not None and (made.version.version, made.version.cases) == (2, made.added + 1)
    with reading(engine) as connection:
        inputs = [case.input for _number, case in datasets.list_cases(connection, "real", 2)]
        entry = audit.entries(connection, action="dataset.from_traces")[0]
    assert len(set(inputs)) == len(inputs)
    assert (entry.actor, entry.after and entry.after["cases"]) == ("ada", made.added + 1)
    again = add_matching_traces(engine, actor="ada", dataset="real", filters=DAY, limit=10)
    assert (again.added, again.version and again.version.version) == (0, 2)


def test_only_disliked_answers_are_taken_where_that_is_asked_for(engine: sa.Engine) -> None:
    requests = traces(4)
    ingest(engine, as_decoded_export(APPLICATION, requests))
    feedback.record_feedback(engine, trace_id=requests[1].trace_id, user_id="u", thumb="down")
    made = add_matching_traces(
        engine, actor="ada", dataset="bad", filters=DAY, query=build_query(only_disliked=True), limit=50
    )
    assert (made.found, made.added, made.has_more) == (1, 1, False)
    none = add_matching_traces(
        engine, actor="ada", dataset="none", filters=DAY, query=build_query(only_errors=True)
    )
    assert (none.version, none.found, none.added) == (None, 0, 0)


def test_wishes_become_a_search() -> None:
    query = build_query("refund OR parcel", only_errors=True, metric="faithfulness", below=0.7)
    assert query == "(refund OR parcel) status:error score(faithfulness)<0.7"
    with pytest.raises(BadInput, match="both a metric and a bound"):
        build_query(metric="faithfulness")
    with pytest.raises(BadInput, match="character 1"):
        build_query("colour:red")


def test_an_input_asked_twice_is_one_case(engine: sa.Engine) -> None:
    kept = [Case(input=" Why? ")]
    told = [Case(input="Why?", metadata={"trace_id": "a", "application": "b"})]
    assert add_traces._select_new_cases(kept, told) == ([], {SAME_INPUT: 1})


def documents() -> list[Document]:
    text = "\n\n".join(f"Rule {number}: {LONG * 8}" for number in range(3))
    return [Document(name="post.md", text=text)]


def test_questions_about_documents_wait_for_a_person(engine: sa.Engine) -> None:
    imported(engine, 2)
    made = asyncio.run(
        generate_cases(
            engine,
            actor="ada",
            dataset="prices",
            documents=documents(),
            calls=Writer(),
            judge="loop",
            cases=3,
        )
    )
    assert (made.version.version, made.added, made.passages, made.cost_nano_usd) == (2, 3, 3, 3_000)
    with reading(engine) as connection:
        found = search.find_cases(connection, "prices", 2, CaseFilter(review="pending"), limit=2)
        counted = search.count_facets(connection, "prices", 2)
        assert search.list_case_numbers(connection, "prices", 2, CaseFilter(review="pending")) == [3, 4, 5]
    assert (found.total, [number for number, _case in found.cases]) == (3, [3, 4])
    assert counted.reviews == {"": 2, "pending": 3}

    done = case_review.review_cases(
        engine, actor="grace", name="prices", version=2, accept=[3], reject=[4], reason="read them"
    )
    with reading(engine) as connection:
        states = [case.metadata.get("review") for _number, case in datasets.list_cases(connection, "prices", 3)]
        entry = audit.entries(connection, action="dataset.review")[0]
    assert (done.cases, states) == (4, [None, None, "accepted", "pending"])
    assert (entry.actor, entry.reason) == ("grace", "read them")
    with pytest.raises(BadInput, match="Case 1 of prices version 3 does not wait"):
        case_review.review_cases(engine, actor="grace", name="prices", version=3, accept=[1])


def test_a_judge_that_gives_nothing_usable_leaves_no_version(engine: sa.Engine) -> None:
    with pytest.raises(CallFailed, match="No draft of loop is usable: The model answered nothing"):
        asyncio.run(
            generate_cases(
                engine,
                actor="ada",
                dataset="new",
                documents=documents(),
                calls=Writer(fails="Rule"),
                judge="loop",
                cases=2,
            )
        )
    with reading(engine) as connection:
        assert datasets.list_datasets(connection) == []


def test_cases_are_found_by_split_and_words(engine: sa.Engine) -> None:
    imported(engine, 40)
    changes.split_version(engine, actor="ada", name="prices", version=1, shares=changes.parse_shares("dev=3, test=1"))
    with reading(engine) as connection:
        splits = search.count_facets(connection, "prices", 2).splits
        dev = search.find_cases(connection, "prices", 2, CaseFilter(split="dev"), limit=5, offset=5)
        said = search.find_cases(connection, "prices", 2, CaseFilter(words="ITEM 7 cost"), limit=5)
        literal = search.find_cases(connection, "prices", 2, CaseFilter(words="%"), limit=5)
        entry = audit.entries(connection, action="dataset.split")[0]
    assert splits["dev"] + splits["test"] == 40
    assert (dev.total, len(dev.cases)) == (splits["dev"], 5)
    assert (said.total, literal.total) == (1, 0)
    assert entry.before == {"version": 1}
    with pytest.raises(BadInput, match="'test'"):
        changes.parse_shares("dev=1 test")


def test_the_evaluations_of_a_version_are_named(engine: sa.Engine) -> None:
    imported(engine, 2)
    started = runs.launch(
        engine, actor="ada", application="shop", release="v1", dataset="prices", judge="offline"
    )
    with reading(engine) as connection:
        used = uses.list_uses(connection, "prices")
    assert [(one.evaluation, one.version, one.application) for one in used] == [(started, 1, "shop")]
