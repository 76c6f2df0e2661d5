"""Publishing of results to AWS: metrics to CloudWatch, the results document to S3."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from genaiops_core.aws import cloudwatch_metrics, s3
from genaiops_core.aws.cloudwatch_metrics import Datum
from genaiops_core.errors import BadInput

NAMESPACE = "GenAI/Evaluation"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]*")


@dataclass(frozen=True, kw_only=True)
class Destinations:
    """Where results are published."""

    is_cloudwatch: bool = False
    bucket: str = ""
    prefix: str = ""
    """'' or ends with a slash."""


def parse_destinations(text: str) -> Destinations:
    """Parse `cloudwatch`, `s3://BUCKET/PREFIX`, or both separated by a comma.

    Raises:
        BadInput: an item is neither.
    """
    is_cloudwatch, bucket, prefix = False, "", ""
    for item in filter(None, (item.strip() for item in text.split(","))):
        if item.lower() == "cloudwatch":
            is_cloudwatch = True
            continue
        scheme, _, path = item.partition("://")
        bucket, _, prefix = path.partition("/")
        if scheme != "s3" or not _BUCKET.fullmatch(bucket) or not _PREFIX.fullmatch(prefix):
            raise BadInput(
                f"'{item}' is no destination; --publish takes cloudwatch and s3://BUCKET/PREFIX, comma-separated."
            )
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    return Destinations(is_cloudwatch=is_cloudwatch, bucket=bucket, prefix=prefix)


def publish(
    destinations: Destinations, body: Mapping[str, Any], *, model: str, make_client: Callable[[str], Any]
) -> list[str]:
    """Publish a results document.

    Args:
        destinations: where to publish.
        body: the document.
        model: the model that gave the answers: the dimension ModelId, and the name of the object.
        make_client: creates the client of an AWS service by its name.

    Returns:
        Descriptions of what was written.

    Raises:
        BadInput: the model is unknown.
        Misconfigured: AWS rejects the request.
        Unavailable: AWS does not answer.
    """
    if not model.strip():
        raise BadInput("The model that gave the answers is unknown; name it with --model-id.")
    written = []
    if destinations.is_cloudwatch:
        metrics = build_metric_data(body, model)
        cloudwatch_metrics.put(make_client("cloudwatch"), namespace=NAMESPACE, data=metrics)
        written.append(f"{len(metrics)} metrics in {NAMESPACE} of CloudWatch")
    if destinations.bucket:
        key = destinations.prefix + build_object_key(body, model)
        content = orjson.dumps(body, option=orjson.OPT_INDENT_2)
        client = make_client("s3")
        s3.write(client, bucket=destinations.bucket, key=key, content=content, kind="application/json")
        written.append(f"s3://{destinations.bucket}/{key}")
    return written


def build_metric_data(body: Mapping[str, Any], model: str) -> list[Datum]:
    """The mean of every metric that has one, and the number of cases; unknown means are left out."""
    at = _parse_finished_at(body)
    means = [
        Datum(name=name, value=entry["mean"], at=at, dimensions={"ModelId": model})
        for name, entry in sorted(body["metrics"].items())
        if entry["mean"] is not None
    ]
    cases = Datum(
        name="cases", value=float(body["cases"]), at=at, dimensions={"ModelId": model}, unit="Count"
    )
    return [*means, cases]


def build_object_key(body: Mapping[str, Any], model: str) -> str:
    """`evaluations/YYYY/MM/DD/{model}.json`; characters that object names should not contain become dashes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"
    return f"evaluations/{_parse_finished_at(body):%Y/%m/%d}/{name}.json"


def _parse_finished_at(body: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(str(body["finished_at"])).astimezone(dt.UTC)
