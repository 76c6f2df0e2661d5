"""Sources by name, and cursors that neither miss nor repeat an object."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from genaiops_core.aws.s3 import ObjectKey
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.invocation_logs import sources
from genaiops_core.telemetry.invocation_logs.sources import ObjectCursor, parse_source, split_key

PREFIX = "logs/AWSLogs/1/BedrockModelInvocationLogs"


def key(hour: int, name: str, *, region: str = "us-east-1", day: int = 5) -> str:
    return f"{PREFIX}/{region}/2026/01/{day:02}/{hour:02}/{name}.json.gz"


class Bucket:
    """Keys in order, and how often they were listed."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.listings = 0

    def list_after(self, after: str) -> Iterator[ObjectKey]:
        self.listings += 1
        for item in sorted(self.keys):
            if item > after:
                yield ObjectKey(item, 1)


def read(bucket: Bucket, cursor: ObjectCursor) -> list[str]:
    unread = []
    for item in cursor.list_unread(bucket.list_after):
        cursor.mark_read(item.key)
        unread.append(item.key)
    return unread


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/some/prefix", "s3://bucket/some/prefix"),
        ("s3://bucket", "s3://bucket/"),
        (" logs:///aws/bedrock/invocations ", "logs:///aws/bedrock/invocations"),
    ],
)
def test_sources_are_parsed(text: str, url: str) -> None:
    assert parse_source(text).url == url


@pytest.mark.parametrize("text", ["", "s3://", "logs://", "http://x", "bucket", "s3:bucket"])
def test_invalid_source_is_rejected(text: str) -> None:
    with pytest.raises(BadInput, match="is not a source of invocation logs"):
        parse_source(text)


def test_every_object_is_read_once_in_any_order() -> None:
    bucket, cursor = Bucket(), ObjectCursor()
    chance = random.Random(4)
    seen: list[str] = []
    written: list[str] = []
    for hour in range(60):
        for region in ("ap-south-1", "us-east-1"):
            for _ in range(chance.randrange(4)):
                # Up to three hours late, in no order of name.
                at = max(0, hour - chance.randrange(4))
                written.append(key(at % 24, f"{chance.random()}", region=region, day=5 + at // 24))
        bucket.keys.update(written)
        cursor = ObjectCursor.from_json(cursor.as_json())
        seen += read(bucket, cursor)
    assert sorted(seen) == sorted(written)
    assert sum(len(done) for done in cursor.done.values()) < 30


def test_read_objects_are_skipped() -> None:
    bucket, cursor = Bucket(), ObjectCursor()
    bucket.keys = {key(hour, f"{n}") for hour in range(24) for n in range(5)}
    assert len(read(bucket, cursor)) == 120
    bucket.listings = 0
    bucket.keys.add(key(23, "new"))
    assert read(bucket, cursor) == [key(23, "new")]
    assert bucket.listings == 2


def test_keys_without_an_hour_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_REMEMBERED_KEYS", 3)
    bucket, cursor = Bucket(), ObjectCursor()
    bucket.keys = {f"flat/{n}.json" for n in range(5)}
    assert len(read(bucket, cursor)) == 5
    assert cursor.as_json() == {
        "groups": {"flat": {"floor": "flat/1.json", "done": ["flat/2.json", "flat/3.json", "flat/4.json"]}}
    }
    assert read(bucket, cursor) == []


def test_key_is_split_into_folder_and_hour() -> None:
    assert split_key(key(7, "a")) == (f"{PREFIX}/us-east-1/", "2026/01/05/07")
    assert split_key("flat/a.json") == ("flat", None)
