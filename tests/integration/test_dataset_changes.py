"""Changes between versions of a dataset: diff, edit, split, tag; and the export as CSV."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import changes, exports
from genaiops_core.evaluation.datasets.case import Case
from tests.integration.evaluating import import_prices


def test_diff_lists_added_removed_and_changed_cases() -> None:
    before = [Case(input="a", answer="1"), Case(input="b"), Case(input="c"), Case(input="c", answer="2")]
    after = [Case(input="a", answer="2"), Case(input="c", answer="2"), Case(input="d"), Case(input="c")]
    diff = changes.diff_cases(before, after)
    assert [(item.after.input, item.fields) for item in diff.changed] == [("a", ("answer",))]
    assert [case.input for case in diff.added] == ["d"]
    assert [case.input for case in diff.removed] == ["b"]
    assert diff.unchanged == 2


def test_edit_creates_version_and_keeps_old_one(engine: sa.Engine) -> None:
    import_prices(engine, 3)
    stored = changes.edit_version(
        engine,
        actor="ada",
        name="prices",
        version=1,
        changed={1: Case(input="New?"), 2: None},
        added=[Case(input="More?")],
        reason="typo",
    )
    assert (stored.version, stored.cases, stored.is_new) == (2, 3, True)
    with reading(engine) as connection:
        assert datasets.get_version(connection, "prices", 1).cases == 3
        diff = changes.diff_versions(connection, "prices", 1, 2)
    assert (len(diff.added), len(diff.removed), diff.unchanged) == (2, 2, 1)
    with pytest.raises(BadInput, match="requires an input"):
        changes.edit_version(
            engine, actor="ada", name="prices", version=1, changed={1: Case(input=" ")}, reason="typo"
        )


def test_split_depends_on_the_input_alone(engine: sa.Engine) -> None:
    cases = [Case(input=f"question {number}") for number in range(2_000)]
    split_cases = changes.assign_splits(cases, {"dev": 3, "test": 1})
    share = sum(case.metadata["split"] == "dev" for case in split_cases) / len(split_cases)
    assert 0.72 < share < 0.78  # three standard deviations are 0.029
    assert changes.assign_splits(cases[::-1], {"dev": 3, "test": 1}) == split_cases[::-1]
    with pytest.raises(BadInput, match="shares above 0"):
        changes.assign_splits(cases, {"dev": 0})
    import_prices(engine, 5)
    stored = changes.split_version(engine, actor="ada", name="prices", version=1, shares={"dev": 1})
    with reading(engine) as connection:
        numbered = datasets.list_cases(connection, "prices", stored.version)
    assert {case.metadata["split"] for _number, case in numbered} == {"dev"}


def test_tag_moves_and_is_audited(engine: sa.Engine) -> None:
    import_prices(engine, 3)
    import_prices(engine, 4)
    changes.tag_version(engine, actor="ada", name="prices", version=1, tag="golden")
    changes.tag_version(engine, actor="ada", name="prices", version=2, tag="golden", reason="more cases")
    with reading(engine) as connection:
        assert changes.list_tags(connection, "prices") == {"golden": 2}
        assert changes.find_tagged_version(connection, "prices", "golden") == 2
        assert audit.entries(connection, action="dataset.tag")[0].before == {"tag": "golden", "version": 1}
        with pytest.raises(NotFound, match="no tag 'silver'; there are: golden"):
            changes.find_tagged_version(connection, "prices", "silver")
    with pytest.raises(BadInput, match="is not a number"):
        changes.tag_version(engine, actor="ada", name="prices", version=1, tag="v3")
    with pytest.raises(NotFound):
        changes.tag_version(engine, actor="ada", name="prices", version=9, tag="golden")
    datasets.delete_dataset(engine, actor="ada", name="prices")


def test_csv_is_safe_to_open_in_a_spreadsheet() -> None:
    case = Case(input="=1+1", answer="-2", contexts=("a", "b"), reference="it's = 2").as_json()
    rows = list(csv.reader(io.StringIO(b"".join(exports.write_cases([case], "csv")).decode())))
    assert rows == [
        ["input", "answer", "contexts", "reference", "metadata"],
        ["'=1+1", "'-2", '["a", "b"]', "it's = 2", ""],
    ]
    with pytest.raises(BadInput, match="jsonl, csv"):
        exports.write_cases([case], "docx")
