"""Files of the kinds that users of other tools upload, with the cases that they hold, worked by hand."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, NamedTuple

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq


class Upload(NamedTuple):
    filename: str
    data: bytes
    cases: list[tuple[Any, ...]]
    """Input, answer, contexts and reference of each case."""
    sentences: tuple[str, ...] = ()
    """What the import says, in part."""


def write_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def write_lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(write_json(row) + b"\n" for row in rows)


def write_csv(*rows: list[str], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue().encode(encoding)


def write_parquet(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def write_workbook(*rows: list[Any], formats: dict[str, str] | None = None, merged: str = "") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    for position, number_format in (formats or {}).items():
        sheet[position].number_format = number_format
    if merged:
        sheet.merge_cells(merged)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


WHY = ("Why?", None, None, "So.")
HEADINGS = {
    "German": ["Frage", "Antwort", "Kontext", "Erwartete Antwort"],
    "German, other words": ["Benutzerfrage", "Modellantwort", "Dokumente", "Musterlösung"],
    "French": ["Question", "Réponse", "Contexte", "Réponse attendue"],
    "Spanish": ["Pregunta", "Respuesta", "Contexto", "Respuesta esperada"],
    "Portuguese": ["Pergunta", "Resposta", "Contexto", "Resposta esperada"],
    "Italian": ["Domanda", "Risposta", "Contesto", "Risposta attesa"],
    "Japanese": ["質問", "回答", "コンテキスト", "期待される回答"],
    "Chinese": ["问题", "模型回答", "上下文", "参考答案"],
    "Chinese, traditional": ["問題", "回答", "上下文", "標準答案"],
    "Korean": ["질문", "답변", "컨텍스트", "정답"],
    "capitals without accents": ["QUESTION", "REPONSE", "CONTEXTE", "REPONSE ATTENDUE"],
    "full width": ["Ｑｕｅｓｔｉｏｎ", "Ａｎｓｗｅｒ", "Ｃｏｎｔｅｘｔ", "Ｒｅｆｅｒｅｎｃｅ"],
}

TURNS = [
    {"role": "user", "content": "Cancel it"},
    {"role": "assistant", "content": "Which one?", "retrieval_context": ["Ask for the number."]},
    {"role": "user", "content": "Number 7"},
]

UPLOADS: dict[str, Upload] = {
    **{
        f"headings, {language}": Upload(
            "a.csv",
            write_csv([*headings, "Nr"], ["q", "a", "c", "r", "1"], delimiter=";"),
            [("q", "a", ["c"], "r")],
            ("stored as metadata: Nr.",),
        )
        for language, headings in HEADINGS.items()
    },
    "LangSmith dataset": Upload(
        "a.jsonl",
        write_lines(
            {
                "id": "1",
                "dataset_id": "d",
                "inputs": {"question": "Why?", "documents": [{"page_content": "doc"}]},
                "outputs": {"answer": "So."},
            },
            {"id": "2", "dataset_id": "d", "inputs": {"question": "Who?"}, "outputs": None},
        ),
        [("Why?", None, ["doc"], "So."), ("Who?", None, None, None)],
    ),
    "LangSmith dataset, flattened": Upload(
        "a.csv",
        write_csv(["inputs.question", "outputs.output", "id"], ["Why?", "So.", "1"]),
        [WHY],
    ),
    "LangSmith dataset of messages": Upload(
        "a.jsonl",
        write_lines(
            {
                "inputs": {"messages": [{"role": "user", "content": "Why?"}]},
                "outputs": {"messages": [{"role": "assistant", "content": "So."}]},
                "dataset_id": "d",
            }
        ),
        [WHY],
    ),
    "LangSmith runs": Upload(
        "a.jsonl",
        write_lines({"run_type": "chain", "inputs": {"question": "Why?"}, "outputs": {"output": "So."}}),
        [("Why?", "So.", None, None)],
    ),
    "Langfuse items of the API": Upload(
        "a.json",
        write_json(
            {
                "data": [
                    {"id": "1", "datasetName": "d", "status": "ACTIVE", "input": {"query": "Why?"}}
                    | {"expectedOutput": "So."},
                    {"id": "2", "datasetName": "d", "status": "ARCHIVED", "input": "Old?"}
                    | {"expectedOutput": None},
                    {"id": "3", "datasetName": "d", "status": "ACTIVE", "input": "Who?"}
                    | {"expectedOutput": {"text": "I."}},
                ],
                "meta": {"page": 1, "totalItems": 3},
            }
        ),
        [WHY, ("Who?", None, None, "I.")],
        ("1 archived item is excluded (row 2)",),
    ),
    "Langfuse items as CSV": Upload(
        "a.csv",
        write_csv(
            ["id", "datasetId", "input", "expectedOutput", "metadata", "status"],
            ["1", "d", '"Why?"', '"So."', "null", "ACTIVE"],
            ["2", "d", '{"question": "Who?", "context": ["c"]}', '{"answer": "I."}', '{"a": 1}', "ACTIVE"],
            ["3", "d", '"Old?"', '"x"', "null", "ARCHIVED"],
            ["4", "d", '"Older?"', '"x"', "null", "ARCHIVED"],
        ),
        [WHY, ("Who?", None, ["c"], "I.")],
        ("2 archived items are excluded (rows 4-5)",),
    ),
    "Braintrust": Upload(
        "a.jsonl",
        write_lines(
            {"id": "1", "_xact_id": "9", "input": "Why?", "expected": "So.", "tags": None},
            {
                "id": "2",
                "_xact_id": "9",
                "input": {"question": "Who?", "context": "c"},
                "expected": {"answer": "I."},
            },
            {"id": "3", "_xact_id": "9", "input": "When?", "expected": None},
            {"id": "4", "_xact_id": "9", "input": {"text": "Where?"}, "expected": {"value": "There."}},
        ),
        [WHY, ("Who?", None, ["c"], "I."), ("When?", None, None, None), ("Where?", None, None, "There.")],
    ),
    "Braintrust as CSV": Upload(
        "a.csv",
        write_csv(
            ["id", "_xact_id", "input", "expected"],
            ["1", "9", '"Why?"', '"So."'],
            ["2", "9", '{"query": "Who?"}', "I."],
            ["3", "9", "When?", ""],
        ),
        [WHY, ("Who?", None, None, "I."), ("When?", None, None, None)],
    ),
    "promptfoo tests as CSV": Upload(
        "a.csv",
        write_csv(
            ["question", "context", "__expected", "__expected2", "__description", "__metadata:team"],
            ["Why?", "c", "contains: So", "llm-rubric: says so", "first", "pay"],
        ),
        [("Why?", None, ["c"], None)],
        ("__expected",),
    ),
    "promptfoo tests": Upload(
        "a.json",
        write_json(
            {
                "prompts": ["{{question}}"],
                "tests": [
                    {
                        "vars": {"question": "Why?", "context": "c"},
                        "assert": [{"type": "contains", "value": "So"}],
                    }
                ],
            }
        ),
        [("Why?", None, ["c"], None)],
    ),
    "promptfoo results": Upload(
        "a.json",
        write_json(
            {
                "evalId": "eval-1",
                "results": {
                    "version": 3,
                    "results": [
                        {
                            "prompt": {"raw": "Answer: Why?", "label": "Answer: {{question}}"},
                            "vars": {"question": "Why?", "context": "c"},
                            "response": {"output": "So.", "tokenUsage": {"total": 9}},
                            "testCase": {"vars": {"question": "Why?"}, "assert": []},
                            "success": True,
                        },
                        {
                            "prompt": {"raw": "Answer: Who?", "label": "Answer: {{question}}"},
                            "vars": {"question": "Who?", "context": "d"},
                            "error": "timeout",
                            "success": False,
                        },
                    ],
                    "stats": {"successes": 1},
                },
                "config": {},
            }
        ),
        [("Why?", "So.", ["c"], None), ("Who?", None, ["d"], None)],
    ),
    "promptfoo results without a question": Upload(
        "a.json",
        write_json(
            {
                "results": {
                    "results": [
                        {
                            "prompt": {"raw": "Write about rain"},
                            "vars": {"topic": "rain"},
                            "response": {"output": "It rains."},
                        }
                    ]
                }
            }
        ),
        [("Write about rain", "It rains.", None, None)],
    ),
    "promptfoo results as CSV": Upload(
        "a.csv",
        write_csv(
            ["question", "[openai:m] Answer: {{question}}"], ["Why?", "[PASS] So."], ["Who?", "[FAIL] I."]
        ),
        [("Why?", "So.", None, None), ("Who?", "I.", None, None)],
    ),
    "SQuAD 2": Upload(
        "a.json",
        write_json(
            {
                "version": "v2.0",
                "data": [
                    {
                        "title": "T",
                        "paragraphs": [
                            {
                                "context": "c",
                                "qas": [
                                    {"question": "Why?", "answers": [{"text": "So.", "answer_start": 0}]},
                                    {
                                        "question": "Who?",
                                        "answers": [],
                                        "is_impossible": True,
                                        "plausible_answers": [{"text": "no", "answer_start": 0}],
                                    },
                                ],
                            }
                        ],
                    }
                ],
            }
        ),
        [("Why?", None, ["c"], "So."), ("Who?", None, ["c"], None)],
    ),
    "SQuAD of Hugging Face": Upload(
        "a.parquet",
        write_parquet(
            question=["Why?", "Who?"],
            context=["c", "d"],
            answers=[{"text": ["So.", "Thus."], "answer_start": [0, 1]}, {"text": [], "answer_start": []}],
        ),
        [("Why?", None, ["c"], "So.\nThus."), ("Who?", None, ["d"], None)],
    ),
    "MS MARCO by columns": Upload(
        "a.json",
        write_json(
            {
                "query": {"0": "why", "1": "who"},
                "answers": {"0": ["So."], "1": []},
                "passages": {
                    "0": [{"is_selected": 1, "url": "u", "passage_text": "p"}],
                    "1": [{"is_selected": 0, "url": "u", "passage_text": "q"}],
                },
            }
        ),
        [("why", None, ["p"], "So."), ("who", None, ["q"], None)],
    ),
    "MS MARCO of Hugging Face": Upload(
        "a.parquet",
        write_parquet(
            query=["why"],
            answers=[["So."]],
            passages=[{"is_selected": [1, 0], "passage_text": ["p", "q"], "url": ["u", "v"]}],
        ),
        [("why", None, ["p", "q"], "So.")],
    ),
    "list of objects in Parquet": Upload(
        "a.parquet",
        write_parquet(
            question=["Why?"],
            contexts=[
                [{"title": "A", "chunk_text": "p", "id": 1}, {"title": "B", "chunk_text": "q", "id": 2}]
            ],
        ),
        [("Why?", None, ["p", "q"], None)],
    ),
    "Google Sheets, quotes are text": Upload(
        "a.tsv",
        b'question\tanswer\tcontext\n"Freedom" means what?\tSo, "free".\tc\n"Why?"\t"So."\t"x\n',
        [('"Freedom" means what?', 'So, "free".', ["c"], None), ('"Why?"', '"So."', ['"x'], None)],
    ),
    "Excel's tab-separated text": Upload(
        "a.txt",
        b'question\tanswer\n"Why ""so""?"\t"So, yes\nand no"\nWho?\tI\n',
        [('Why "so"?', "So, yes\nand no", None, None), ("Who?", "I", None, None)],
    ),
    "conversational goldens": Upload(
        "a.json",
        write_json(
            [
                {"scenario": "s", "turns": TURNS, "expected_outcome": "Done", "context": ["c"]},
                {"scenario": "Seat?", "turns": None, "expected_outcome": "Given", "context": None},
            ]
        ),
        [
            ("user: Cancel it\nassistant: Which one?\nuser: Number 7", None, ["c"], "Done"),
            ("Seat?", None, None, "Given"),
        ],
    ),
    "conversational goldens as CSV": Upload(
        "a.csv",
        write_csv(
            ["scenario", "turns", "expected_outcome"],
            ["s", json.dumps(TURNS[:2]), "Done"],
            ["Seat?", "", "Given"],
        ),
        [("Cancel it", "Which one?", ["Ask for the number."], "Done"), ("Seat?", None, None, "Given")],
    ),
    "chat with a tool": Upload(
        "a.jsonl",
        write_lines(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                    {"role": "tool", "content": "found"},
                    {"role": "assistant", "content": "So."},
                ],
                "expected_output": "Thus.",
            }
        ),
        [("Why?", "So.", None, "Thus.")],
    ),
    "contexts within chat messages": Upload(
        "a.jsonl",
        write_lines(
            {
                "messages": [
                    {"role": "user", "content": "Why?"},
                    {
                        "role": "assistant",
                        "content": "So.",
                        "context": {"citations": [{"content": "p", "id": "1"}, {"content": "q"}]},
                    },
                ]
            }
        ),
        [("Why?", "So.", ["p", "q"], None)],
    ),
    "contexts beside chat messages": Upload(
        "a.jsonl",
        write_lines({"input": {"messages": [{"role": "user", "content": "Why?"}], "documents": ["p", "q"]}}),
        [("Why?", None, ["p", "q"], None)],
    ),
    "numbered columns": Upload(
        "a.csv",
        write_csv(
            ["question", "context_1", "context_2", "context_10", "ground_truth"],
            ["Why?", "line one\nline two", "", "z", "So."],
            ["Who?", "", "", "", "I."],
        ),
        [("Why?", None, ["line one\nline two", "z"], "So."), ("Who?", None, None, "I.")],
        ("context_1, context_2, context_10 are read as one list",),
    ),
    "numbered columns in German": Upload(
        "a.csv",
        write_csv(["Frage", "Kontext 1", "Kontext 2"], ["Warum?", "a", "b"], delimiter=";"),
        [("Warum?", None, ["a", "b"], None)],
    ),
    "flattened lists": Upload(
        "a.csv",
        write_csv(["question", "contexts[0].text", "contexts[1].text"], ["Why?", "a", "b"]),
        [("Why?", None, ["a", "b"], None)],
    ),
    "numbered references": Upload(
        "a.csv",
        write_csv(["question", "reference_1", "reference_2"], ["Why?", "So.", "Thus."]),
        [("Why?", None, None, "So.\nThus.")],
    ),
    "repeated answers": Upload(
        "a.csv",
        write_csv(["question", "answer", "Answer"], ["Why?", "new", "old"]),
        [("Why?", "new", None, None)],
        ("answer: is a repeated heading", "stored as metadata: Answer."),
    ),
    "repeated contexts": Upload(
        "a.csv",
        write_csv(["question", "context", "context"], ["Why?", "a", "b"]),
        [("Why?", None, ["a", "b"], None)],
        ("is a repeated heading", "context, context (2) are read as one list"),
    ),
    "bulleted lists": Upload(
        "a.csv",
        write_csv(
            ["question", "contexts"],
            ["q1", "- a\n- b\n  and more"],
            ["q2", "• c"],
            ["q3", "1. d\n2. e"],
            ["q4", "(1) f\n(2) g"],
            ["q5", "- single"],
            ["q6", "-5 degrees"],
            ["q7", "1. x\n5. y"],
            ["q8", "* h\n\n* i"],
        ),
        [
            ("q1", None, ["a", "b\nand more"], None),
            ("q2", None, ["c"], None),
            ("q3", None, ["d", "e"], None),
            ("q4", None, ["f", "g"], None),
            ("q5", None, ["single"], None),
            ("q6", None, ["-5 degrees"], None),
            ("q7", None, ["1. x", "5. y"], None),
            ("q8", None, ["h", "i"], None),
        ],
    ),
    "a heading above a list": Upload(
        "a.csv",
        write_csv(["question", "contexts"], ["q1", "Rules:\n- a\n- b"], ["q2", "Prose:\n- a\n- b\n\nMore"]),
        [("q1", None, ["Rules:", "a", "b"], None), ("q2", None, ["Prose:\n- a\n- b", "More"], None)],
    ),
    "repeated keys of JSON": Upload(
        "a.jsonl",
        b'{"question": "Why?", "answer": "new", "answer": "old"}\n',
        [("Why?", "new", None, None)],
        ("answer: is a repeated key", "stored as metadata: answer (2)"),
    ),
    "headings in Shift-JIS alone": Upload(
        "a.csv",
        write_csv(["質問", "回答", "文脈1", "文脈2", "正解"], ["Q", "A", "a", "b", "R"], encoding="cp932"),
        [("Q", "A", ["a", "b"], "R")],
        ("read as Shift-JIS",),
    ),
    "headings in GB18030 alone": Upload(
        "a.csv",
        write_csv(["问题", "答案", "参考答案"], ["Q", "A", "R"], encoding="gb18030"),
        [("Q", "A", None, "R")],
        ("read as GB18030",),
    ),
    "contexts as objects": Upload(
        "a.jsonl",
        write_lines(
            {
                "question": "q1",
                "contexts": [{"id": "1", "passage": "a"}, {"metadata": {"s": 1}, "pageContent": "b"}],
            },
            {
                "question": "q2",
                "contexts": [{"document": {"content": "c"}, "score": 0.5}, {"node": {"text": "d"}}],
            },
            {"question": "q3", "contexts": {"id": "9", "url": "https://a.example/b", "paragraph_text": "e"}},
            {"question": "q4", "contexts": "[Document(page_content='f', metadata={'s': 'kb'})]"},
        ),
        [
            ("q1", None, ["a", "b"], None),
            ("q2", None, ["c", "d"], None),
            ("q3", None, ["e"], None),
            ("q4", None, ["f"], None),
        ],
    ),
    "two columns of contexts": Upload(
        "a.csv",
        write_csv(["question", "retrieval_context", "context"], ["Why?", "a", "b"]),
        [("Why?", None, ["a"], None)],
        ("The column context also has a name of the field contexts; retrieval_context is used",),
    ),
    "merged cells": Upload(
        "a.xlsx",
        write_workbook(
            ["question", "contexts", "answer"],
            ["Why?", "a", "So."],
            [None, "b", None],
            [0.25, "c", "x"],
            formats={"A4": "0%"},
            merged="A2:A3",
        ),
        [("Why?", "So.", ["a", "b"], None), ("25%", "x", ["c"], None)],
        ("added to the contexts of the case above",),
    ),
    "numbers as written": Upload(
        "a.jsonl",
        b'{"question": "Q", "answer": 1.10, "contexts": [2.50, 1e3], "reference": false}\n',
        [("Q", "1.10", ["2.50", "1e3"], "false")],
    ),
    "queries of BEIR": Upload(
        "queries.jsonl",
        write_lines({"_id": "q0", "text": "why", "metadata": {}}),
        [("why", None, None, None)],
    ),
    "encodings pasted together": Upload(
        "a.csv",
        "question,answer\nWie groß ist es?,M – ok\n".encode() + "Où est-ce?,à Genève\n".encode("cp1252"),
        [("Wie groß ist es?", "M – ok", None, None), ("Où est-ce?", "à Genève", None, None)],
        ("UTF-8 and Windows-1252", "Windows-1252 in line 3"),
    ),
    "a cell of 20 million characters": Upload(
        "a.csv",
        b'question,answer,contexts\nWhy?,So.,"' + b"word " * 3_999_999 + b'word."\n',
        [("Why?", "So.", ["word " * 3_999_999 + "word."], None)],
    ),
}
