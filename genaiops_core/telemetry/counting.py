"""The columns of a span that requests, rollups and deduplication read."""

from __future__ import annotations

from dataclasses import dataclass, fields


# Not frozen: deduplication sets `is_call` and `folded_into`, and a frozen dataclass takes three times as long to build.
@dataclass(slots=True)
class CountedSpan:
    """One span as it is counted: just received (`spans.SpanFacts`) or loaded (`ingest.late_spans.StoredSpan`).

    Token counts, cost and duration are None (-1 for `duration_ns`) where they are unknown, never 0.
    """

    application: str
    trace_id: str
    span_id: str
    parent_span_id: str
    """'' for the root span of a trace."""
    component: str
    start_ns: int
    duration_ns: int
    """Nanoseconds, or `durations.UNKNOWN_NS`."""
    is_error: bool
    is_request: bool
    """Whether this is an entry span of its application: the span of one request."""
    is_call: bool
    """Whether the span is counted as a model call."""
    environment: str
    release: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_nano_usd: int | None
    folded_into: str = ""
    """Id of the span that is counted in place of this duplicate; '' when this is no duplicate."""
    call_id: str = ""
    """The provider's id of the call; '' when unknown."""
    has_remote_parent: bool = False
    """Whether the span states that its parent belongs to another process."""
    is_internal: bool = False
    """Whether another application of the trace made this request."""
    is_rootless: bool = False
    """Whether the span counts as a request only because no root span arrived in time."""
    is_other_model: bool = False
    """Whether rollups count the model under `rollups.OTHER_MODEL`."""

    @property
    def is_unpriced(self) -> bool:
        """Whether the call used tokens without a known price; a call that failed without usage costs nothing."""
        return (
            self.is_call
            and self.cost_nano_usd is None
            and not (self.is_error and self.input_tokens is None and self.output_tokens is None)
        )


COUNTED_COLUMNS = tuple(column.name for column in fields(CountedSpan))
"""The columns of `span` that are the fields of `CountedSpan`, in their order."""
