"""Reading files as people have them: delimiters, encodings, broken rows, and files made to hurt."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers import Table, read_table
from genaiops_core.evaluation.readers.delimited import DELIMITERS, read_delimited
from genaiops_core.evaluation.readers.tables import MAX_COLUMNS


def cells(table: Table) -> list[tuple[object, ...]]:
    return [row.cells for row in table.rows]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiter_is_detected(delimiter: str) -> None:
    text = f"question{delimiter}answer\nWhy?{delimiter}Because\nWho?{delimiter}Me\n"
    table = read_table(text.encode(), "suite.csv")
    assert table.columns == ("question", "answer")
    assert cells(table) == [("Why?", "Because"), ("Who?", "Me")]


def test_decimal_comma_is_not_the_delimiter() -> None:
    table = read_table(b"question;score\nHow much, please?;1,5\nWell, what?;2,5\n", "a.csv")
    assert cells(table) == [("How much, please?", "1,5"), ("Well, what?", "2,5")]


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nquestion;answer\r\nWhy, then?;So\r\n",
        "question::answer\nWhy, then?::So\n".replace("::", "\x01"),
        "question#answer\nWhy, then?#So\n",
        'question,answer\n"Why, then?","So"\n',
    ],
)
def test_rare_delimiter_is_detected(text: str) -> None:
    assert cells(read_table(text.encode(), "a.csv")) == [("Why, then?", "So")]


def test_backslash_quote_does_not_end_cell() -> None:
    table = read_table(b'question,answer\n"Who said \\"why, so\\" first?",Me\n', "a.csv")
    assert cells(table) == [('Who said "why, so" first?', "Me")]


def test_list_of_questions_needs_no_header() -> None:
    table = read_table(b"Who pays for the parcel?\nWhen does it come, then?\n", "questions.txt")
    assert cells(table) == [("Who pays for the parcel?",), ("When does it come, then?",)]


def test_file_with_only_a_header_reports_it() -> None:
    table = read_table(b"question,answer\n", "a.csv")
    assert (table.columns, table.problems[0].problem) == (
        ("question", "answer"),
        "has a header (row 1) but no rows below it",
    )


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_row_limit_ends_the_read(name: str) -> None:
    rows = [{"question": f"q{number}"} for number in range(30)]
    text = {
        "a.csv": "\n".join(["question", *(row["question"] for row in rows)]),
        "a.jsonl": "\n".join(map(json.dumps, rows)),
        "a.json": json.dumps(rows),
    }[name]
    looked = read_table(text.encode(), name, max_rows=20)
    assert (len(looked.rows), looked.is_partial) == (20, True)
    assert read_table(text.encode(), name, max_rows=30).is_partial is False


def test_nul_bytes_and_long_lines_are_read() -> None:
    assert cells(read_table(b"question,answer\nWh\x00y?,So\n", "a.csv")) == [("Wh\x00y?", "So")]
    data = b"question\n" + b"a" * 3_000_000 + b"\ncaf\xe9 \xe0 la carte, d\xe9j\xe0 vu\n"
    assert read_table(data, "a.csv").rows[1].cells == ("café à la carte, déjà vu",)


def test_single_column_of_sentences_is_not_split() -> None:
    table = read_table(b"question\nWell, who?\nSo, where, then?\n", "a.csv")
    assert cells(table) == [("Well, who?",), ("So, where, then?",)]


SENTENCE = "frage,antwort\nWie groß ist die Fläche für Büros?,Ungefähr zwölf Quadratmeter\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_common_encodings_are_decoded(encoding: str) -> None:
    table = read_table(SENTENCE.encode(encoding), "fragen.csv")
    assert table.columns == ("frage", "antwort")
    assert table.rows[0].cells[0] == "Wie groß ist die Fläche für Büros?"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "вопрос,ответ\nКакая столица России?,Столица России Москва крупнейший город\n"),
        ("shift_jis", "質問,回答\n日本の首都はどこですか?,日本の首都は東京です。とても大きな都市です。\n"),
        ("gb18030", "问题,答案\n中国的首都是哪里?,中国的首都是北京是一个很大的城市。\n"),
        ("gb18030", "问题,答案\n中国的首都是哪里?,中国的首都是北京\n长江多长?,六千三百公里\n"),
        ("big5", "問題,答案\n台灣的首都是哪裡?,台北是台灣的首都\n"),
        ("cp949", "질문,답변\n대한민국의 수도는 어디입니까?,서울은 대한민국의 수도입니다\n"),
        ("iso2022_jp", "質問,回答\n日本の首都はどこですか?,日本の首都は東京です。\n"),
        ("koi8_r", "вопрос,ответ\nКакая столица России?,Столица России Москва\n"),
        ("cp1254", "soru,cevap\nTürkiye'nin başkenti neresidir?,Ankara şehri güzeldir\n"),
        ("cp1253", "ερώτηση,απάντηση\nΠοια είναι η πρωτεύουσα;,Η Αθήνα είναι η πρωτεύουσα\n"),
        ("utf-16-le", "вопрос,ответ\nКакая столица России?,Столица России Москва\n"),
        ("utf-16-be", "问题,答案\n中国的首都是哪里?,中国的首都是北京\n长江多长?,六千三百公里\n"),
    ],
)
def test_encodings_of_other_scripts_are_guessed(encoding: str, text: str) -> None:
    table = read_table(text.encode(encoding), "f.csv")
    assert table.columns == tuple(text.split("\n")[0].split(","))
    assert table.rows[0].cells[0] == text.split("\n")[1].split(",")[0]


def test_line_of_another_encoding_is_decoded_alone() -> None:
    table = read_table("frage\nWie groß ist die Fläche für Büros?\n".encode() * 9 + b"caf\xe9?\n", "a.csv")
    assert table.rows[0].cells == ("Wie groß ist die Fläche für Büros?",)
    assert table.rows[-1].cells == ("café?",)
    assert table.encoding == "UTF-8 and Windows-1252"
    assert "Windows-1252 in line 19" in table.problems[0].problem


def test_quoted_cells_keep_lines_and_spaces() -> None:
    text = 'question, answer\n"Why, exactly?", "Line one\nline ""two"""\n'
    assert cells(read_table(text.encode(), "a.csv")) == [("Why, exactly?", 'Line one\nline "two"')]


def test_carriage_return_ends_line() -> None:
    assert cells(read_table(b"a,b\r1,2\r3,4\r", "old_mac.csv")) == [("1", "2"), ("3", "4")]


def test_blank_and_repeated_headers_are_named() -> None:
    table = read_table(b"a,,a,\n1,2,3,\n4,5,6,\n", "a.csv")
    assert table.columns == ("a", "column 2", "a (2)")


def test_row_with_too_many_cells_is_rejected() -> None:
    table = read_table(b"a,b\n1,2\n1,2,3\n\n4\n", "a.csv")
    assert cells(table) == [("1", "2"), ("4", None)]
    assert table.rejected == 1
    assert table.problems[0].row == 3
    assert "3 cells" in table.problems[0].problem


def test_unclosed_quote_rejects_one_row() -> None:
    table = read_table(b'a,b\n1,2\n"open,2\n3,4\n5,6\n', "a.csv")
    assert cells(table) == [("1", "2"), ("3", "4"), ("5", "6")]
    assert [(p.row, p.problem) for p in table.problems] == [
        (3, "a quote is never closed; the row is excluded")
    ]


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r")), min_size=2, max_size=2),
        max_size=8,
    ),
    delimiter=st.sampled_from(DELIMITERS),
)
@example(rows=[["\\", "0"]], delimiter="~")
def test_written_csv_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["question", "answer"], *rows])
    table = read_delimited(stream.getvalue(), "f.csv", delimiter)
    expected = [tuple(cell if cell.strip() else None for cell in row) for row in rows]
    assert cells(table) == [row for row in expected if any(row)]


@given(
    st.binary(max_size=400), st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.xlsx", "a.ods", "a"])
)
def test_any_bytes_give_table_or_bad_input(data: bytes, name: str) -> None:
    try:
        table = read_table(data, name)
    except BadInput as error:
        assert "\n" not in str(error).strip()
    else:
        assert all(len(row.cells) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize(
    "document",
    [
        [{"question": "Why?", "n": 1}, {"question": "Who?"}],
        {"data": [{"question": "Why?", "n": 1}, {"question": "Who?"}]},
        {"version": 3, "my_rows": [{"question": "Why?", "n": 1}, {"question": "Who?"}]},
        {"question": ["Why?", "Who?"], "n": [1, None]},
        {"question": {"0": "Why?", "1": "Who?"}, "n": {"0": 1, "1": None}},
    ],
)
def test_common_json_shapes_are_read(document: object) -> None:
    table = read_table(json.dumps(document).encode(), "suite.json")
    assert table.columns == ("question", "n")
    assert cells(table) == [("Why?", 1), ("Who?", None)]


@pytest.mark.parametrize(
    "text",
    [
        '{"q": "a"}\n{"q": "b"}',
        '{\n "q": "a"\n}\n{\n "q": "b"\n}\n',
        '{"version": 3, "results": {"stats": {"n": 2}, "results": [{"q": "a"}, {"q": "b"}]}, "config": {}}',
    ],
)
def test_json_printed_by_programs_is_read(text: str) -> None:
    assert cells(read_table(text.encode(), "suite.json")) == [("a",), ("b",)]


def test_single_object_is_one_case() -> None:
    assert cells(read_table(b'{"question": "Why?", "answer": "So."}', "one.json")) == [("Why?", "So.")]


def test_number_with_too_many_digits_rejects_line() -> None:
    table = read_table(b'{"q": 1}\n{"q": ' + b"9" * 5_000 + b"}\n", "a.jsonl")
    assert cells(table) == [(1,)]
    assert table.problems[0].problem == "is not JSON: it contains a number that is too long"


def test_empty_list_is_refused() -> None:
    with pytest.raises(BadInput, match=r"suite.json is empty: its list has no rows"):
        read_table(b"[]", "suite.json")


def test_invalid_json_error_has_position() -> None:
    with pytest.raises(BadInput, match=r"suite.json is not JSON: .* at line 2, column 1"):
        read_table(b'[{"a": 1},\n]', "suite.json")


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(BadInput, match="nested"):
        read_table(b"[" * 200_000, "deep.json")


def test_invalid_jsonl_line_is_reported_by_number() -> None:
    table = read_table(b'{"q": 1}\n{oops}\n\n[1]\n{"q": 2}\n', "a.jsonl")
    assert cells(table) == [(1,), (2,)]
    assert [problem.row for problem in table.problems] == [2, 4]
    assert table.rejected == 2


def test_line_separator_in_json_text_keeps_line() -> None:
    line = json.dumps({"q": "one\u2028two"}, ensure_ascii=False)
    assert cells(read_table(line.encode(), "a.jsonl")) == [("one\u2028two",)]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_and_jsonl_are_distinguished_by_content(name: str) -> None:
    assert len(read_table(b'{"q": 1}\n{"q": 2}\n', name).rows) == 2
    assert len(read_table(b'[{"q": 1},\n{"q": 2}]', name).rows) == 2


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    book.create_sheet("empty", 0)
    for row in rows:
        book["Sheet"].append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_xlsx_first_sheet_with_rows_is_read() -> None:
    import datetime as dt

    data = workbook([], ["question", "n", "on"], ["Why?", 2.0, dt.datetime(2026, 5, 1)], ["Who?", True, None])
    table = read_table(data, "suite.xlsx")
    assert table.columns == ("question", "n", "on")
    assert cells(table) == [("Why?", "2", "2026-05-01"), ("Who?", "true", None)]
    assert [row.number for row in table.rows] == [3, 4]


def test_formula_is_text_and_never_computed() -> None:
    table = read_table(workbook(["question", "n"], ["Why?", '=HYPERLINK("http://x", "y")']), "suite.xlsx")
    assert cells(table) == [("Why?", '=HYPERLINK("http://x", "y")')]
    assert (table.problems[0].row, table.problems[0].column) == (2, "n")
    assert "its text is used" in table.problems[0].problem


def test_formula_with_saved_value_gives_value() -> None:
    data = workbook(["question", "n"], ["Why?", "=1+1"])
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as target:
        for item in source.namelist():
            body = source.read(item).replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
            target.writestr(item, body.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"))
    table = read_table(stream.getvalue(), "suite.xlsx")
    assert cells(table) == [("Why?", "2")]
    assert table.problems == []


def test_zip_bomb_is_refused_before_unpacking() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(b"0" * 1_000_000)
    assert len(stream.getvalue()) < 1_000_000
    with pytest.raises(BadInput, match="unpacks to 300 MB"):
        read_table(stream.getvalue(), "bomb.xlsx")


def test_encrypted_workbook_is_refused() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(BadInput, match=r"encrypted; .* remove the password"):
        read_table(data, "secret.xlsx")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"just text", "old.xls"),
        (b"just text", "sheet.ods"),
        (b"just text", "cases.parquet"),
        (b"%PDF-1.7", "cases.csv"),
        (b"question\nWhy?\n", "cases.docx"),
    ],
)
def test_other_formats_are_refused(data: bytes, name: str) -> None:
    with pytest.raises(BadInput, match="CSV, TSV, JSON, JSONL, XLSX, XLS, ODS and Parquet"):
        read_table(data, name)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old.xls"),
        (b"PK\x03\x04" + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "sheet.ods"),
        (b"PAR1" + b"\x00" * 20, "cases.parquet"),
    ],
)
def test_corrupt_binary_files_are_refused(data: bytes, name: str) -> None:
    with pytest.raises(BadInput, match=name):
        read_table(data, name)


@pytest.mark.parametrize("name", ["wide.csv", "wide.json", "wide.jsonl"])
def test_a_million_columns_are_refused(name: str) -> None:
    if name.endswith(".csv"):
        data = b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n"
    else:
        data = json.dumps({f"c{i}": 1 for i in range(MAX_COLUMNS + 1)}).encode() + b"\n"
        data = b"[" + data + b"]" if name.endswith(".json") else data
    with pytest.raises(BadInput, match=rf"columns; the maximum is {MAX_COLUMNS:,}"):
        read_table(data, name)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n \n"])
def test_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match="is empty"):
        read_table(data, "a.csv")
