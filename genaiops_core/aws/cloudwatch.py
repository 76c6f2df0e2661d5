"""Amazon CloudWatch Logs: read the events of a log group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from genaiops_core.aws.clients import as_expected


class LogEvent(NamedTuple):
    """One event of one log stream."""

    event_id: str
    stream: str
    timestamp_ms: int  # Unix milliseconds, as its writer said
    ingestion_ms: int  # Unix milliseconds, when CloudWatch took it in
    message: str


def events(client: Any, *, group: str, start_ms: int, end_ms: int) -> Iterator[list[LogEvent]]:
    """Pages of the events of `group` with timestamps in [start_ms, end_ms), all log streams together.

    Raises:
        Misconfigured: the group does not exist or may not be read.
        Unavailable: AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # The end is included by the service.
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=start_ms, endTime=end_ms - 1
        )
        for page in pages:
            yield [
                LogEvent(
                    event.get("eventId", ""),
                    event.get("logStreamName", ""),
                    event["timestamp"],
                    event.get("ingestionTime", event["timestamp"]),
                    event["message"],
                )
                for event in page.get("events", ())
            ]
    except (BotoCoreError, ClientError) as error:
        raise as_expected(error, f"Reading the log group {group}") from error
