"""Results in CloudWatch and S3, played by moto in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from typer.testing import CliRunner

from genaiops_core.aws import clients
from genaiops_core.cli.main import app
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Misconfigured
from genaiops_core.evaluation.runs import publishing
from genaiops_core.evaluation.runs.publishing import Destinations, build_object_key, parse_destinations

BUCKET = "acme-evaluations"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("ACCESS_KEY_ID", "id"), ("SECRET_ACCESS_KEY", "key"), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    clients.client.cache_clear()
    with mock_aws():
        clients.client("s3").create_bucket(Bucket=BUCKET)
        yield
    clients.client.cache_clear()


def body(**changes: Any) -> dict[str, Any]:
    known = {"mean": 0.9, "low": 0.8, "high": 1.0, "n": 20, "undefined": 0}
    unknown = {"mean": None, "low": None, "high": None, "n": 0, "undefined": 20}
    facts = {"cases": 20, "finished_at": now().isoformat(), "target": {"model": "acme.large-v1:0"}}
    return {"metrics": {"faithfulness": known, "safety": unknown}, **facts, **changes}


def test_unknown_means_are_not_published() -> None:
    publishing.publish(
        Destinations(is_cloudwatch=True), body(), model="acme.large-v1:0", make_client=clients.client
    )
    metrics = clients.client("cloudwatch").list_metrics(Namespace="GenAI/Evaluation")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {"faithfulness", "cases"}
    assert metrics[0]["Dimensions"] == [{"Name": "ModelId", "Value": "acme.large-v1:0"}]


def test_object_key_has_day_and_model(tmp_path: Any) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(body(finished_at="2026-01-05T23:30:00-02:00")))
    to = f"cloudwatch,s3://{BUCKET}/nightly"
    result = CliRunner().invoke(app, ["publish", str(file), "--to", to, "--json"])
    assert result.exit_code == 0, result.output
    key = "nightly/evaluations/2026/01/06/acme.large-v1-0.json"
    assert f"s3://{BUCKET}/{key}" in json.loads(result.stdout)["written"]
    stored = clients.client("s3").get_object(Bucket=BUCKET, Key=key)
    assert json.loads(stored["Body"].read())["cases"] == 20


@pytest.mark.parametrize(
    ("model", "name"),
    [("arn:aws:bedrock:x:1:y/z", "arn-aws-bedrock-x-1-y-z"), ("../../etc", "etc"), ("///", "model")],
)
def test_model_name_is_escaped_in_the_key(model: str, name: str) -> None:
    assert (
        build_object_key(body(finished_at="2026-01-05T00:00:00+00:00"), model)
        == f"evaluations/2026/01/05/{name}.json"
    )


@pytest.mark.parametrize("text", ["s3://", "s3://UPPER", "https://x", "s3://ok/a?b"])
def test_invalid_destination_is_rejected(text: str) -> None:
    with pytest.raises(BadInput, match="cloudwatch and s3://BUCKET"):
        parse_destinations(text)


def test_missing_bucket_or_model_is_reported() -> None:
    with pytest.raises(Misconfigured, match="NoSuchBucket"):
        publishing.publish(
            parse_destinations("s3://not-there"), body(), model="m", make_client=clients.client
        )
    with pytest.raises(BadInput, match="--model-id"):
        publishing.publish(parse_destinations("cloudwatch"), body(), model="", make_client=clients.client)
