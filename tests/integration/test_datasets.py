"""Datasets in the database: versions by content, atomic imports, audit entries."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from db.tables.evaluations import dataset, test_case
from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation import datasets, runs
from tests.integration.evaluating import build_suite, import_prices

CSV = "question,answer,contexts,ground_truth,topic\nWhy?,Because,\"['a', 'b']\",So,cats\n,lost,,,\n"


def test_imported_file_is_exported_unchanged(engine: sa.Engine) -> None:
    stored = datasets.import_dataset(engine, actor="ada", name="why", data=CSV.encode(), filename="why.csv")
    assert (stored.version, stored.cases, stored.rejected, stored.is_new) == (1, 1, 1, True)
    assert stored.columns == {
        "input": "question",
        "answer": "answer",
        "contexts": "contexts",
        "reference": "ground_truth",
    }
    with reading(engine) as connection:
        assert list(datasets.export_cases(connection, "why")) == [
            {
                "input": "Why?",
                "answer": "Because",
                "contexts": ["a", "b"],
                "reference": "So",
                "metadata": {"topic": "cats"},
            }
        ]
        version = datasets.get_version(connection, "why")
        entry = audit.entries(connection, action="dataset")[0]
    assert [(problem.row, problem.column) for problem in version.problems] == [(3, "question")]
    assert (entry.actor, entry.action, entry.subject) == ("ada", "dataset.import", "why")
    assert entry.after is not None and entry.after["sha256"] == version.content_sha256


def test_same_content_is_same_version_in_any_format(engine: sa.Engine) -> None:
    first = import_prices(engine)
    second = import_prices(engine)
    assert (second.version, second.is_new) == (first.version, False)
    changed = import_prices(engine, 61)
    assert (changed.version, changed.is_new) == (2, True)
    with reading(engine) as connection:
        listed = datasets.list_datasets(connection)
        assert [(item.dataset, item.version, item.versions, item.cases) for item in listed] == [
            ("prices", 2, 2, 61)
        ]
        assert [item.version for item in datasets.list_versions(connection, "prices")] == [2, 1]
        assert len(audit.entries(connection, action="dataset")) == 2


def test_concurrent_imports_number_versions_in_turn(engine: sa.Engine) -> None:
    def add(cases: int) -> None:
        import_prices(engine, cases)

    threads = [threading.Thread(target=add, args=(cases,)) for cases in (5, 6, 7, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert sorted(item.version for item in datasets.list_versions(connection, "prices")) == [1, 2, 3]


def test_cases_are_paged_in_file_order(engine: sa.Engine) -> None:
    import_prices(engine, 30)
    with reading(engine) as connection:
        page = datasets.list_cases(connection, "prices", 1, limit=2, offset=9)
    assert [(number, case.contexts) for number, case in page] == [
        (10, None),
        (11, ("Item 11 costs 33 coins. word0 word1 word2 word3 word4 word5",)),
    ]


def test_unstorable_characters_keep_the_row(engine: sa.Engine) -> None:
    data = b'{"question": "a\\u0000b \\ud800", "more": {"x\\u0000": "\\u0000"}}'
    datasets.import_dataset(engine, actor="ada", name="odd", data=data, filename="odd.jsonl")
    with reading(engine) as connection:
        case = datasets.list_cases(connection, "odd", 1)[0][1]
    assert case.input == "a\ufffdb \ufffd"
    assert case.metadata == {"more": {"x\ufffd": "\ufffd"}}


@pytest.mark.parametrize("data", [b"place\nGalway\n", b"question\n \n", b""])
def test_failed_import_stores_nothing(engine: sa.Engine, data: bytes) -> None:
    with pytest.raises(BadInput):
        datasets.import_dataset(engine, actor="ada", name="none", data=data, filename="none.csv")
    with reading(engine) as connection:
        assert connection.execute(sa.select(dataset)).all() == []


def test_missing_dataset_is_named(engine: sa.Engine) -> None:
    import_prices(engine, 2)
    with reading(engine) as connection:
        with pytest.raises(NotFound, match="Dataset 'price' does not exist; the datasets are: prices"):
            datasets.get_version(connection, "price")
        with pytest.raises(NotFound, match="no version 7"):
            datasets.get_version(connection, "prices", 7)


def test_dataset_is_deleted_unless_evaluated(engine: sa.Engine) -> None:
    import_prices(engine, 3)
    datasets.import_dataset(engine, actor="ada", name="kept", data=build_suite(2), filename="k.jsonl")
    runs.launch(engine, actor="ada", dataset="kept")
    with pytest.raises(Conflict, match="has evaluations"):
        datasets.delete_dataset(engine, actor="ada", name="kept")
    datasets.delete_dataset(engine, actor="ada", name="prices", reason="old")
    with reading(engine) as connection:
        remaining = connection.execute(sa.select(test_case.c.dataset).distinct()).scalars().all()
    assert remaining == ["kept"]
