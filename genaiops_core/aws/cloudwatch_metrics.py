"""Amazon CloudWatch: put metrics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.aws.clients import as_expected

_AT_ONCE = 500
"""The service takes 1,000 a call and 1 MB."""


@dataclass(frozen=True, kw_only=True)
class Datum:
    """One value of one metric."""

    name: str
    value: float
    at: dt.datetime
    dimensions: Mapping[str, str] = field(default_factory=dict)
    unit: str = "None"
    """As the service names units: None, Count, Milliseconds."""


def put(client: Any, *, namespace: str, data: Sequence[Datum]) -> None:
    """Send values; the same values sent twice count twice.

    Raises:
        Misconfigured: they may not be written.
        Unavailable: AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    entries = [
        {
            "MetricName": datum.name,
            "Value": datum.value,
            "Timestamp": datum.at,
            "Unit": datum.unit,
            "Dimensions": [{"Name": name, "Value": value} for name, value in datum.dimensions.items()],
        }
        for datum in data
    ]
    try:
        for start in range(0, len(entries), _AT_ONCE):
            client.put_metric_data(Namespace=namespace, MetricData=entries[start : start + _AT_ONCE])
    except (BotoCoreError, ClientError) as error:
        raise as_expected(error, f"Writing metrics to {namespace}") from error
