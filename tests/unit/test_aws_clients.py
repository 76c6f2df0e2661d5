"""Clients of AWS: region, profile and limits, from the environment or as asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops_core.aws.clients import client
from genaiops_core.errors import Misconfigured


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    (tmp_path / "config").write_text("[profile judges]\nregion = sa-east-1\n")
    client.cache_clear()
    yield
    client.cache_clear()


def region(**more: str) -> str:
    return str(client("s3", **more).meta.region_name)


def test_both_names_of_the_region_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert region() == "us-west-2"
    client.cache_clear()
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert region() == "eu-central-1"


def test_an_argument_beats_the_environment_and_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert region(profile="judges") == "sa-east-1"
    client.cache_clear()
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert region(profile="judges", region="ap-south-1") == "ap-south-1"


def test_attempts_timeouts_and_connections_are_set() -> None:
    config = client("s3", region="eu-west-1", attempts=3, read_timeout_s=300, connections=64).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert (config.read_timeout, config.connect_timeout, config.max_pool_connections) == (300, 30, 64)


def test_a_missing_region_or_profile_is_an_error() -> None:
    with pytest.raises(Misconfigured, match=r"must specify a region.*Set AWS_REGION"):
        client("bedrock-runtime")
    with pytest.raises(Misconfigured, match=r"profile \(nobody\) could not be found"):
        client("s3", profile="nobody")
