"""ODS, XLS and Parquet, files without a header, titles above one, and files of these kinds made to hurt."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.readers import Table, read_table
from tests.conftest import SHARED_DATA

NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def ods(rows: str, *, manifest: str = "") -> bytes:
    content = (
        f"<office:document-content {NAMESPACES}><office:body><office:spreadsheet><table:table>"
        f"</table:table><table:table>{rows}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return stream.getvalue()


def row(*cells: str, repeat: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{repeat}">{"".join(cells)}</table:table-row>'


def cell(text: str, more: str = "") -> str:
    return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"


def book(**sheets: list[list[object]]) -> bytes:
    data = openpyxl.Workbook()
    data.remove(data.active)
    for name, rows in sheets.items():
        sheet = data.create_sheet(name)
        for item in rows:
            sheet.append(item)
    data["Hidden"].sheet_state = "hidden"
    stream = io.BytesIO()
    data.save(stream)
    return stream.getvalue()


def cells(table: Table) -> list[tuple[object, ...]]:
    return [row.cells for row in table.rows]


def test_ods_cells_keep_spaces_lines_and_repeats() -> None:
    data = ods(
        row(cell("question"), cell("n"), cell("on"))
        + row(repeat=2)
        + row(
            "<table:table-cell><office:annotation><text:p>a note</text:p></office:annotation>"
            "<text:p>Why<text:s text:c='2'/>now?</text:p><text:p>Tell <text:span>me</text:span>.</text:p>"
            "</table:table-cell>",
            cell("two", 'office:value-type="float" office:value="2.0"'),
            cell("1 May", 'office:value-type="date" office:date-value="2026-05-01"'),
        )
        + row(cell("same", 'table:number-columns-repeated="2"'))
        + row('<table:table-cell table:number-columns-repeated="16384"/>', repeat=1_048_000)
    )
    table = read_table(data, "suite.ods")
    assert table.columns == ("question", "n", "on")
    assert cells(table) == [("Why  now?\nTell me.", "2", "2026-05-01"), ("same", "same", None)]
    assert [item.number for item in table.rows] == [4, 5]


def test_ods_formula_gives_saved_value_or_problem() -> None:
    data = ods(
        row(cell("question"), cell("n"))
        + row(cell("Why?"), cell("2", 'table:formula="of:=1+1" office:value-type="float" office:value="2"'))
        + row(cell("Who?"), '<table:table-cell table:formula="of:=NOW()"/>')
    )
    table = read_table(data, "suite.ods")
    assert cells(table) == [("Why?", "2"), ("Who?", "of:=NOW()")]
    assert [(item.row, item.column) for item in table.problems] == [(3, "n")]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (row(cell("x", 'table:number-columns-repeated="1000000"')), "columns; the maximum is 1,000"),
        (row(cell("x"), repeat=1_000_000_000), "rows"),
        (row(cell("x", 'table:number-columns-repeated="900"'), repeat=900_000), "repeated 900,000 times"),
    ],
)
def test_repeating_ods_is_refused_with_bounded_memory(rows: str, why: str) -> None:
    data = ods(rows)
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match=why):
            read_table(data, "wide.ods")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_encrypted_ods_is_refused() -> None:
    with pytest.raises(BadInput, match=r"encrypted; .* remove the password"):
        read_table(ods("", manifest="<manifest:encryption-data/>"), "secret.ods")


def test_ods_with_entities_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("content.xml", '<!DOCTYPE a [<!ENTITY b "ccc">]><a>&b;</a>')
    with pytest.raises(BadInput, match="entities"):
        read_table(stream.getvalue(), "laughs.ods")


def parquet(columns: dict[str, list[object]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def test_parquet_keeps_lists_and_missing_values() -> None:
    data = parquet({"question": ["Why?", None], "contexts": [["a", "b"], None], "n": [1, 2]})
    table = read_table(data, "cases.bin")
    assert table.columns == ("question", "contexts", "n")
    assert cells(table) == [("Why?", ["a", "b"], 1), (None, None, 2)]
    sentence = datasets.preview_import(data, "cases.parquet")
    assert sentence.cases[0].contexts == ("a", "b")
    assert [(item.row, item.column) for item in sentence.problems] == [(2, "question")]


def test_parquet_bomb_is_refused_before_unpacking() -> None:
    data = parquet({"question": ["x" * 1_000_000] * 2_000})
    assert len(data) < 2_000_000
    with pytest.raises(BadInput, match="unpacks to more than"):
        read_table(data, "bomb.parquet")


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ("\n\n , \nquestion,answer\nWhy?,So\n", ("question", "answer"), ("Why?", "So")),
        ("Export of 3 May\n\nquestion,answer\nWhy?,So\nWho?,Me\n", ("question", "answer"), ("Why?", "So")),
        (
            "Report;;\nquestion;answer;n\nWhy?;So;1\nWho?;Me;2\n",
            ("question", "answer", "n"),
            ("Why?", "So", "1"),
        ),
        ("1,null,0\n2,0,null\n", ("column 1", "column 2", "column 3"), ("1", "null", "0")),
        ("hello,    there\na,b\n", ("hello", "there"), ("a", "b")),
        ("question\nWell, who?\nSo, where, then?\nAnd, why?\n", ("question",), ("Well, who?",)),
    ],
)
def test_header_is_detected(text: str, columns: tuple[str, ...], first: tuple[str, ...]) -> None:
    table = read_table(text.encode(), "a.csv")
    assert table.columns == columns
    assert table.rows[0].cells == first


def test_null_words_are_missing_answers() -> None:
    sentence = datasets.preview_import(b"question,answer,contexts\nWhy?,NULL,null\nWho?,Null,\\N\n", "a.csv")
    assert [(case.answer, case.contexts) for case in sentence.cases] == [(None, None), ("Null", None)]


def test_unusual_sheets_are_read() -> None:
    """The real files where they are there; what they test is generated above too."""
    folder = SHARED_DATA / "datasets_messy" / "tables"
    if not folder.is_dir():
        return
    table = read_table((folder / "simple.xls").read_bytes(), "simple.xls")
    assert table.columns == ("date", "temperature", "place")
    assert table.rows[0].cells == ("2011-01-01", "1", "Galway")
    table = read_table((folder / "blank_line.ods").read_bytes(), "blank_line.ods")
    assert table.columns == ("Name", "Age", "When")
    assert [item.cells[0] for item in table.rows] == ["Bob", "Jane", "Ian"]


SUITE: list[list[object]] = [["question", "answer"], ["Why?", "So"]]


def test_cover_and_hidden_sheets_are_not_chosen() -> None:
    cover: list[list[object]] = [["Suite of spring"], ["by Ada"], ["version", 3]]
    data = book(Hidden=SUITE, Empty=[], Cover=cover, Cases=SUITE, More=[["query"], ["Who?"]])
    table = read_table(data, "suite.xlsx")
    assert (table.sheet, table.sheets) == ("Cases", ("Cover", "Cases", "More"))
    assert cells(read_table(data, "suite.xlsx", sheet="More")) == [("Who?",)]
    with pytest.raises(BadInput, match="no sheet 'Empty' with rows; its sheets are: Cover, Cases, More"):
        read_table(data, "suite.xlsx", sheet="Empty")


def test_sheet_is_chosen_by_name() -> None:
    first = row(cell("question")) + row(cell("Why?"))
    second = row(cell("query"), cell("answer")) + row(cell("Who?"), cell("Me"))
    data = ods(f'{first}</table:table><table:table table:name="second">{second}')
    table = read_table(data, "suite.ods")
    assert (table.sheet, table.sheets) == ("second", ("Sheet2", "second"))
    assert cells(read_table(data, "suite.ods", sheet="Sheet2")) == [("Why?",)]


def test_row_limit_ends_the_read_of_a_sheet() -> None:
    many: list[list[object]] = [["question"], *([f"q{number}"] for number in range(50))]
    repeated = row(cell("question")) + row(cell("Why?"), repeat=50)
    for data, name in ((book(Hidden=[], Cases=many), "a.xlsx"), (ods(repeated), "a.ods")):
        table = read_table(data, name, max_rows=20)
        assert (len(table.rows), table.is_partial) == (20, True)
