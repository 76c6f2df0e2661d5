"""Results sent to where AWS operators look: metrics to CloudWatch, the document to S3."""

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
    """Where results go."""

    is_cloudwatch: bool = False
    bucket: str = ""
    prefix: str = ""
    """'' or ends with a slash."""


def parse_destinations(text: str) -> Destinations:
    """`cloudwatch`, `s3://BUCKET/PREFIX`, or both with a comma.

    Raises:
        BadInput: a part is neither.
    """
    is_cloudwatch, bucket, prefix = False, "", ""
    for part in filter(None, (one.strip() for one in text.split(","))):
        if part.lower() == "cloudwatch":
            is_cloudwatch = True
            continue
        scheme, _, rest = part.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not _BUCKET.fullmatch(bucket) or not _PREFIX.fullmatch(prefix):
            raise BadInput(
                f"--publish takes cloudwatch and s3://BUCKET/PREFIX, parted by a comma, not '{part}'."
            )
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    return Destinations(is_cloudwatch=is_cloudwatch, bucket=bucket, prefix=prefix)


def publish(
    destinations: Destinations, body: Mapping[str, Any], *, model: str, make_client: Callable[[str], Any]
) -> list[str]:
    """Send a results document.

    Args:
        places: where to.
        body: the document.
        model: whose answers these are: the dimension ModelId, and the name of the object.
        make_client: client of an AWS service by its name.

    Returns:
        What was written, in words.

    Raises:
        BadInput: nothing is known of the model.
        Misconfigured: AWS refuses it.
        Unavailable: AWS does not answer.
    """
    if not model.strip():
        raise BadInput("Whose answers are published is not known; name the model with --model-id.")
    written = []
    if destinations.is_cloudwatch:
        metric_data = build_metric_data(body, model)
        cloudwatch_metrics.put(make_client("cloudwatch"), namespace=NAMESPACE, data=metric_data)
        written.append(f"{len(metric_data)} metrics in {NAMESPACE} of CloudWatch")
    if destinations.bucket:
        key = destinations.prefix + build_object_key(body, model)
        body_bytes = orjson.dumps(body, option=orjson.OPT_INDENT_2)
        s3.write(make_client("s3"), bucket=destinations.bucket, key=key, content=body_bytes, kind="application/json")
        written.append(f"s3://{destinations.bucket}/{key}")
    return written


def build_metric_data(body: Mapping[str, Any], model: str) -> list[Datum]:
    """Means of the metrics that have one, and how many cases stand behind them; what is unknown is not sent."""
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
    """`evaluations/YYYY/MM/DD/{model}.json`; what an object's name should not hold becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"
    return f"evaluations/{_parse_finished_at(body):%Y/%m/%d}/{name}.json"


def _parse_finished_at(body: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(str(body["finished_at"])).astimezone(dt.UTC)
