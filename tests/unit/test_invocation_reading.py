"""Log files as they are found: lines, documents, CloudWatch exports, gzip, folders, and damage."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.invocation_logs import reader
from genaiops_core.telemetry.invocation_logs.reader import ReadResult, find_log_files, is_log, read_file
from tests.bedrock_samples import entry
from tests.conftest import SHARED_DATA


def lines(*numbers: int) -> str:
    return "".join(json.dumps(entry(f"r-{number}")) + "\n" for number in numbers)


def ids(results: list[ReadResult]) -> list[str]:
    return [result.entry.request_id if result.entry else result.problem for result in results]


def read(tmp_path: Path, content: str | bytes, name: str = "log.jsonl") -> list[ReadResult]:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_file(file))


@pytest.mark.parametrize(
    "content",
    [
        lines(1, 2),
        "\n" + lines(1) + "\n\n" + lines(2).rstrip(),
        json.dumps([entry("r-1"), entry("r-2")]),
        json.dumps([entry("r-1"), entry("r-2")], indent=2),
        json.dumps({"Records": [entry("r-1"), entry("r-2")]}, indent=2),
        json.dumps({"events": [{"message": json.dumps(entry(f"r-{n}")), "timestamp": 1} for n in (1, 2)]}),
        "".join(f"2026-01-05T10:00:00.000Z {line}\n" for line in lines(1, 2).splitlines()),
        gzip.compress(lines(1, 2).encode(), mtime=0),
        b"\xef\xbb\xbf" + lines(1, 2).encode(),
    ],
)
def test_every_file_format_is_read(tmp_path: Path, content: str | bytes) -> None:
    assert ids(read(tmp_path, content)) == ["r-1", "r-2"]


def test_document_of_one_entry_is_read(tmp_path: Path) -> None:
    assert ids(read(tmp_path, json.dumps(entry("r-1"), indent=2))) == ["r-1"]


def test_bad_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    content = (
        lines(1) + '{"broken": }\n' + lines(2) + '{"schemaType": "Other", "requestId": "x"}\n' + lines(3)
    )
    results = read(tmp_path, content)
    assert [result.location.rpartition(":")[2] for result in results] == ["1", "2", "3", "4", "5"]
    assert [bool(result.entry) for result in results] == [True, False, True, False, True]
    assert results[1].problem.startswith("it is not JSON")
    assert "Other" in results[3].problem


@pytest.mark.parametrize("broken", ['{"broken": }\n', '{"cut\n', "no json at all\n"])
def test_damaged_first_line_is_one_problem(tmp_path: Path, broken: str) -> None:
    results = read(tmp_path, broken + lines(1, 2))
    assert [bool(result.entry) for result in results] == [False, True, True]
    assert results[0].location.endswith(":1")


def test_damaged_gzip_is_read_up_to_the_damage(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(lines(number).encode() for number in range(2000)))
    results = read(tmp_path, whole[: len(whole) // 2], "log.json.gz")
    assert len(results) > 100
    assert all(result.entry for result in results[:-2])
    assert "gzip is damaged" in results[-1].problem


def test_line_over_the_limit_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_LINE_BYTES", 20_000)
    results = read(tmp_path, lines(1) + '{"a": "' + "x" * 90_000 + '"}\n' + lines(2))
    assert [bool(result.entry) for result in results] == [True, False, True]
    assert results[2].location.endswith(":3")


def test_binary_data_is_one_problem_per_line(tmp_path: Path) -> None:
    assert [bool(result.entry) for result in read(tmp_path, b"\xff\xfe\x00\n\x80\n")] == [False, False]


def test_folders_are_searched_for_log_files_only(tmp_path: Path) -> None:
    hour = tmp_path / "AWSLogs/1/BedrockModelInvocationLogs/us-east-1/2026/01/05/10"
    (hour / "data").mkdir(parents=True)
    for name in ("b.json.gz", "a.json.gz", ".hidden", "data/r-1_input.json.gz", "data/r-1_output.json"):
        (hour / name).write_text("")
    (tmp_path / "amazon-bedrock-logs-permission-check").write_text("")
    single = tmp_path / "single"
    single.write_text("")
    assert find_log_files([hour, single, single]) == [hour / "a.json.gz", hour / "b.json.gz", single]
    assert find_log_files([tmp_path]) == [hour / "a.json.gz", hour / "b.json.gz", single]
    with pytest.raises(BadInput, match="does not exist"):
        find_log_files([tmp_path / "none"])


def test_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in next(iter(read_file(tmp_path / "gone"))).problem


@pytest.mark.parametrize(
    ("key", "expected"), [("a/b.json.gz", True), ("a/", False), ("data/x_input.json", False)]
)
def test_is_log_recognises_keys(key: str, expected: bool) -> None:
    assert is_log(key) is expected


def test_sample_logs_are_read() -> None:
    folder = SHARED_DATA / "bedrock_invocation_logs"
    files = find_log_files([folder]) if folder.exists() else []
    assert all(result.entry for file in files for result in read_file(file))
