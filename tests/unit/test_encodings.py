"""Encodings of uploaded files: one for all lines, two pasted together, characters cut off, text decoded wrongly before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.datasets import preview_import
from genaiops_core.evaluation.readers.encodings import decode_file
from genaiops_core.evaluation.readers.mojibake import find_mojibake

HEAD = "question,answer\nWie groß ist es?,Größe M – ok\n"
LINES = {
    "cp1252": "Où est-ce?,à Genève près du café\n",
    "cp1250": "Gdzie jest żółw?,Łódź jest piękna część\n",
    "iso8859_2": "Gdzie są żółwie?,Łódź jest piękną częścią świata\n",
    "mac_roman": "Où est-ce?,à Genève près du café\n",
    "cp1251": "Какая столица России?,Столица России Москва\n",
    "cp932": "返品は何日以内ですか？,３０日以内です～髙橋\n",
    "euc_jp": "返品は何日以内ですか？,３０日以内です高橋\n",
    "gb18030": "中国的首都是哪里?,中国的首都是北京\n长江多长?,六千三百公里\n",
    "big5": "台灣的首都是哪裡?,台北是台灣的首都\n",
    "cp949": "대한민국의 수도는 어디입니까?,서울은 대한민국의 수도입니다\n",
}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
@pytest.mark.parametrize("encoding", LINES)
def test_pasted_lines_keep_their_encodings(encoding: str, mark: bytes) -> None:
    line = LINES[encoding]
    decoded = decode_file(mark + HEAD.encode() + line.encode(encoding) + line.encode(), "a.csv")
    assert decoded.text == HEAD + line + line
    assert decoded.encoding.startswith("UTF-8 and ")
    assert "line" in decoded.problem


@pytest.mark.parametrize("encoding", LINES)
def test_one_encoding_has_no_problem(encoding: str) -> None:
    text = "question,answer\n" + 3 * LINES[encoding]
    assert decode_file(text.encode(encoding), "a.csv")[::2] == (text, "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Größe M,".encode() + "Genève\n".encode("cp1252"), "Größe M,Genève\n"),
        ("Größe M – naïve,".encode() + b"caf\xe9\n", "Größe M – naïve,café\n"),
        ("ö Gr".encode() + b"\xc3,x\n", "ö Gr\ufffd,x\n"),
        ("中国的首都是哪里".encode()[:-1] + b",x\n", "中国的首都是哪\ufffd,x\n"),
        ("CAFÉ»,ÊTRE «À PARIS»\n".encode("cp1252"), "CAFÉ»,ÊTRE «À PARIS»\n"),
        ("联通,是\n中国的首都是哪里\n".encode("gb18030"), "联通,是\n中国的首都是哪里\n"),
        ("Größe,a\r".encode() + "Genève,b\r".encode("cp1252"), "Größe,a\rGenève,b\r"),
    ],
    ids=["two in a line", "end of a line", "cut letter", "cut character", "quotes", "short lines", "old Mac"],
)
def test_characters_within_a_line(data: bytes, text: str) -> None:
    assert decode_file(data, "a.csv").text == text


def test_lines_of_each_encoding_are_listed() -> None:
    latin = "Genève,x\n".encode("cp1252")
    decoded = decode_file(HEAD.encode() + latin + latin + b"a,b\n" + latin, "a.csv")
    assert decoded.problem == (
        "has lines of two encodings: UTF-8, and Windows-1252 in lines 3-4, 6; check their letters"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Příliš žluťoučký kůň úpěl ďábelské ódy",
        "Hová megy az őrült fűnyíró? Nézd, árvíztűrő",
        "Čovječe, što će biti s đačkim žarom",
    ],
)
def test_central_european_languages_are_detected(text: str) -> None:
    assert decode_file(text.encode("cp1250"), "a.csv").text == text


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    assert decode_file(b"a,b\n\xff" + data.replace(b"\x00", b""), "a.csv").encoding


WORDS = ["Where", "is", "the", "Größe", "café", "naïve", "„Genève“", "10 €", "señor –", "près du château"]


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), min_size=2, max_size=9))
def test_words_of_both_encodings_survive(lines: list[list[str]]) -> None:
    texts = [" ".join(words) + " für ältere" for words in lines]
    coded = [text.encode("cp1252" if number % 2 else "utf-8") for number, text in enumerate(texts)]
    assert decode_file(b"\n".join(coded), "a.csv").text == "\n".join(texts)


@pytest.mark.parametrize("text", ["Größe – ok", "naïve", "10 €", "日本の首都", "Россия"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_wrongly_decoded_text_is_reported(text: str, encoding: str) -> None:
    wrong = text.encode().decode(encoding, "replace")
    assert "decoded in a wrong encoding" in find_mojibake(wrong)
    preview = preview_import(json.dumps([{"question": "Why?"}, {"question": wrong}]).encode(), "a.json")
    assert [(problem.row, problem.column) for problem in preview.problems] == [(2, "question")]
    assert preview.cases[1].input == wrong


@pytest.mark.parametrize("text", ["„Ä“ «é»…", "CAFÉ»", "NÃO, IRMÃ", "25 °C ×3", "С Россия", "日本"])
def test_right_text_is_not_reported(text: str) -> None:
    assert find_mojibake(text) == ""


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"question\nWhy?\n", "The text is read as UTF-8."),
        ("question\nWarum heißt es so?\n".encode("cp1252"), "The text is read as Windows-1252. The encoding"),
        (LINES["cp932"].encode("cp932"), "The text is read as Shift-JIS. The encoding"),
        ("question\nWhy?\n".encode("utf-16"), "The text is read as UTF-16."),
    ],
    ids=["utf-8", "cp1252", "cp932", "utf-16"],
)
def test_encoding_is_always_reported(data: bytes, note: str) -> None:
    assert preview_import(data, "a.csv").notes[0].startswith(note)
