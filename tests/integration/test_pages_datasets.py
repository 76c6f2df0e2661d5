"""The datasets screen: import, the case grid, comparison of versions, splits, cases from traffic, deletion."""

from __future__ import annotations

import io
import json
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets import changes
from genaiops_core.evaluation.datasets.case import Case
from pages.parts.datasets import dataset_edit, dataset_keys
from pages.parts.shared import keys
from tests.conftest import JudgeServer
from tests.integration.evaluating import import_prices
from tests.integration.screens import check, open_screen, read_texts, submit_dialog


def upload(name: str, data: bytes) -> AppTest:
    screen = open_screen("datasets")
    screen.file_uploader[0].upload(name, data)
    return check(screen.run())


def open_tab(tab: str, dataset: str = "prices") -> AppTest:
    screen = open_screen("datasets")
    screen.session_state[f"{dataset_keys.DATASET_TAB}_{dataset}"] = tab
    return check(screen.run())


def list_newest_cases(engine: sa.Engine, name: str = "prices") -> list[Case]:
    with reading(engine) as connection:
        version = datasets.get_version(connection, name).version
        return [case for _number, case in datasets.list_cases(connection, name, version)]


def find_selectbox(screen: AppTest, field: str) -> Any:
    return next(selectbox for selectbox in screen.selectbox if selectbox.label == field)


def test_nested_field_can_be_mapped(empty_engine: sa.Engine) -> None:
    rows = [{"query": "Why?", "model1": {"response": "So"}, "model2": {"response": "Thus"}}]
    screen = upload("pairs.jsonl", json.dumps(rows[0]).encode())
    assert "model2.response" in find_selectbox(screen, "Answer").options
    find_selectbox(screen, "Answer").set_value("model2.response")
    check(screen.run())
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert list_newest_cases(empty_engine, "pairs")[0].answer == "Thus"


def test_file_extension_does_not_matter(empty_engine: sa.Engine) -> None:
    screen = upload("prices.ssv", b"question;answer\nWhy?;So\n")
    assert not screen.file_uploader[0].proto.type
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert list_newest_cases(empty_engine)[0].answer == "So"


def test_preview_describes_the_reading(empty_engine: sa.Engine) -> None:
    rows = "Frage;Antwort;Antwort;Thema\nWie groß ist es?;M;L;*Größe*\n"
    screen = upload("fragen.csv", rows.encode("cp1252"))
    texts = read_texts(screen)
    assert "The text is read as Windows-1252." in texts
    assert "stored as metadata: Antwort (2), Thema" in texts
    problems = next(table for table in screen.dataframe if "problem" in table.value.columns).value
    assert "is a repeated heading" in problems["problem"].iloc[0]
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert list_newest_cases(empty_engine, "fragen")[0].answer == "M"


def test_missing_input_column_can_be_chosen(empty_engine: sa.Engine) -> None:
    screen = upload("places.csv", b"place,temperature\nGalway,3\n")
    assert any("Galway" in str(table.value) for table in screen.dataframe)
    assert screen.button(key=dataset_keys.DATASET_IMPORT).disabled
    find_selectbox(screen, "Input").set_value("place")
    check(screen.run())
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert list_newest_cases(empty_engine, "places") == [Case(input="Galway", metadata={"temperature": "3"})]


def test_sheet_of_a_workbook_can_be_chosen(empty_engine: sa.Engine) -> None:
    book = openpyxl.Workbook()
    for name, question in (("spring", "Why?"), ("autumn", "Who?")):
        sheet = book.create_sheet(name)
        sheet.append(["question"])
        sheet.append([question])
    stream = io.BytesIO()
    book.save(stream)
    screen = upload("suite.xlsx", stream.getvalue())
    check(find_selectbox(screen, "Sheet").set_value("autumn").run())
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert [case.input for case in list_newest_cases(empty_engine, "suite")] == ["Who?"]


def test_preview_of_a_large_file_is_marked_partial(empty_engine: sa.Engine) -> None:
    screen = upload("many.csv", b"question\n" + b"".join(b"q%d\n" % number for number in range(6_000)))
    assert "at least 5,000 cases" in read_texts(screen)
    check(screen.button(key=dataset_keys.DATASET_IMPORT).click().run())
    assert len(list_newest_cases(empty_engine, "many")) == 6_000


def test_grid_edits_create_a_new_version(empty_engine: sa.Engine) -> None:
    import_prices(empty_engine, 3)
    screen = open_tab("Edit")
    grid = dataset_keys.dataset_grid("prices", 1, "None_None_None_1")
    screen.session_state[grid] = {
        "edited_rows": {0: {"answer": "Nobody knows.", "contexts": "one\n\ntwo"}},
        "added_rows": [{"input": "What is new?"}, {"input": None}],
        "deleted_rows": [2],
    }
    check(screen.run())
    check(screen.button(key=dataset_keys.DATASET_SAVE).click().run())
    submit_dialog(screen, "dataset_save")
    assert "The reason is empty" in screen.session_state[keys.dialog_problem("dataset_save")]
    check(screen.button(key=dataset_keys.DATASET_SAVE).click().run())
    screen.text_area(key=keys.dialog_reason("dataset_save")).set_value("prices changed")
    submit_dialog(screen, "dataset_save")
    cases = list_newest_cases(empty_engine)
    assert [case.input for case in cases][1:] == ["What does item 2 cost?", "What is new?"]
    assert (cases[0].answer, cases[0].contexts) == ("Nobody knows.", ("one", "two"))
    with reading(empty_engine) as connection:
        entry = audit.entries(connection, action="dataset.edit")[0]
    assert (entry.actor, entry.reason) == ("grace", "prices changed")
    assert entry.after and entry.after["source"].endswith("1 changed, 1 added, 1 removed")


def test_invalid_grid_row_is_named() -> None:
    numbered = [(7, Case(input="Why?"))]
    with pytest.raises(BadInput, match="Case 7: A case requires an input"):
        dataset_edit.parse_edits(numbered, {"edited_rows": {0: {"input": " "}}}, "ada")
    with pytest.raises(BadInput, match="New row 1: The metadata is not JSON"):
        dataset_edit.parse_edits(numbered, {"added_rows": [{"input": "Who?", "metadata": "{"}]}, "ada")


def test_generated_cases_are_accepted_singly_and_all(empty_engine: sa.Engine) -> None:
    generated = [Case(input=f"q{number}", metadata={"review": "pending"}) for number in range(3)]
    datasets.add_cases(empty_engine, actor="ada", name="prices", cases=generated, source="test")
    ticked = {"edited_rows": {0: {"accept": True}}}
    changed_cases = dataset_edit.parse_edits([(1, generated[0])], ticked, "grace").changed
    assert changed_cases == {1: Case(input="q0", metadata={"review": "accepted", "reviewed_by": "grace"})}
    screen = open_tab("Edit")
    screen.selectbox(key=f"{dataset_keys.DATASET_REVIEW}_prices").set_value("pending")
    check(screen.run())
    check(screen.button(key=dataset_keys.DATASET_ACCEPT).click().run())
    screen.text_area(key=keys.dialog_reason("dataset_accept")).set_value("read them all")
    submit_dialog(screen, "dataset_accept")
    assert {case.metadata["review"] for case in list_newest_cases(empty_engine)} == {"accepted"}


def test_versions_show_differences_and_evaluations(empty_engine: sa.Engine) -> None:
    import_prices(empty_engine, 3)
    changes.edit_version(
        empty_engine,
        actor="ada",
        name="prices",
        version=1,
        changed={1: Case(input="What does item 1 cost?", answer="Much."), 2: None},
    )
    runs.launch(empty_engine, actor="ada", dataset="prices", version=1, application="shop", release="v1")
    screen = open_tab("Versions")
    texts = read_texts(screen)
    assert "1 changed" in texts and "1 removed" in texts and "1 unchanged" in texts
    assert [element.value for element in screen.code][:2] == ["Item 1 costs 3 coins.", "Much."]
    versions, _differences, uses = (element.value for element in screen.dataframe[-3:])
    assert list(versions["evaluations"]) == [0, 1]
    assert list(uses["application"]) == ["shop"]


def test_tag_moves_only_when_confirmed(empty_engine: sa.Engine) -> None:
    import_prices(empty_engine, 2)
    import_prices(empty_engine, 3)
    changes.tag_version(empty_engine, actor="ada", name="prices", version=1, tag="golden")

    def tag(*, moves: bool) -> int:
        screen = open_tab("Versions")
        check(screen.button(key=dataset_keys.DATASET_TAG).click().run())
        screen.selectbox(key=dataset_keys.DATASET_TAG_NAME).set_value("golden")
        screen.checkbox(key=dataset_keys.DATASET_TAG_MOVES).set_value(moves)
        screen.text_area(key=keys.dialog_reason("dataset_tag")).set_value("more cases")
        submit_dialog(screen, "dataset_tag")
        with reading(empty_engine) as connection:
            return changes.list_tags(connection, "prices")["golden"]

    assert tag(moves=False) == 1
    assert tag(moves=True) == 2


def test_split_creates_a_new_version(empty_engine: sa.Engine) -> None:
    import_prices(empty_engine, 20)
    screen = open_tab("Split")
    check(screen.text_input(key=f"{dataset_keys.DATASET_SHARES}_prices").set_value("dev=1 test").run())
    assert "NAME=SHARE" in read_texts(screen)
    check(screen.text_input(key=f"{dataset_keys.DATASET_SHARES}_prices").set_value("dev=1 test=1").run())
    check(screen.button(key=dataset_keys.DATASET_SPLIT_SAVE).click().run())
    screen.text_area(key=keys.dialog_reason("dataset_split")).set_value("for tuning")
    submit_dialog(screen, "dataset_split")
    assert {case.metadata["split"] for case in list_newest_cases(empty_engine)} == {"dev", "test"}


def test_deletion_requires_the_dataset_name(empty_engine: sa.Engine) -> None:
    import_prices(empty_engine, 2)
    screen = open_screen("datasets")
    for typed, remaining in (("price", 1), ("prices", 0)):
        check(screen.button(key=dataset_keys.DATASET_DELETE).click().run())
        screen.text_area(key=keys.dialog_reason("dataset_delete")).set_value("not needed")
        screen.text_input(key=keys.dialog_typed("dataset_delete")).set_value(typed)
        submit_dialog(screen, "dataset_delete")
        with reading(empty_engine) as connection:
            assert len(datasets.list_datasets(connection)) == remaining


def test_matching_requests_become_cases(demo_engine: sa.Engine) -> None:
    datasets.add_cases(demo_engine, actor="ada", name="asked", cases=[Case(input="Why?")], source="test")
    screen = open_screen("datasets")
    check(screen.button(key=dataset_keys.DATASET_TRAFFIC).click().run())
    screen.selectbox(key=dataset_keys.TRAFFIC_DATASET).set_value("asked")
    screen.selectbox(key=dataset_keys.TRAFFIC_APPLICATION).set_value("support-agent")
    screen.number_input(key=dataset_keys.TRAFFIC_LIMIT).set_value(30)
    submit_dialog(screen, "dataset_traffic")
    fresh = list_newest_cases(demo_engine, "asked")[1:]
    assert fresh and all(case.metadata["application"] == "support-agent" for case in fresh)
    check(screen.button(key=dataset_keys.DATASET_TRAFFIC).click().run())
    screen.selectbox(key=dataset_keys.TRAFFIC_DATASET).set_value("asked")
    screen.text_input(key=dataset_keys.TRAFFIC_QUERY).set_value("colour:red")
    submit_dialog(screen, "dataset_traffic")
    assert "character 1" in screen.session_state[keys.dialog_problem("dataset_traffic")]


def test_model_generates_cases_from_a_document(empty_engine: sa.Engine, judge_server: JudgeServer) -> None:
    import_prices(empty_engine, 1)
    text = "Rule 1 is about parcels. " + "It holds for all of them, always. " * 4
    screen = open_screen("datasets")
    check(screen.button(key=dataset_keys.DATASET_DOCUMENTS).click().run())
    submit_dialog(screen, "dataset_documents")
    assert "at least one document" in screen.session_state[keys.dialog_problem("dataset_documents")]
    check(screen.button(key=dataset_keys.DATASET_DOCUMENTS).click().run())
    screen.file_uploader(key=dataset_keys.WRITE_FILES).upload("post.md", text.encode())
    screen.text_input(key=dataset_keys.WRITE_JUDGE).set_value("bedrock:amazon.nova-pro-v1:0")
    screen.number_input(key=dataset_keys.WRITE_CASES).set_value(1)
    submit_dialog(screen, "dataset_documents")
    generated = list_newest_cases(empty_engine)[1]
    assert (generated.input, generated.metadata["review"]) == (
        "Is it so that Rule 1 is about parcels.",
        "pending",
    )
