"""Options of `genaiops evaluate` for the judge: metrics, judge options, rate limits and spend limit."""

from __future__ import annotations

from typing import Annotated

import typer

from genaiops_core.cli import arguments
from genaiops_core.evaluation.rate_limits import RateLimits, parse_spend_limit

_PANEL = "Judging"

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help="Metric to measure, may be repeated; by default the metrics of the gates.",
        rich_help_panel=_PANEL,
    ),
]
JudgeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-option",
        help="KEY=VALUE for the judge, for example region=eu-central-1; may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Concurrency = Annotated[int, typer.Option(help="Concurrent calls over all workers.", rich_help_panel=_PANEL)]
CallsPerMinute = Annotated[
    int | None, typer.Option(help="Largest number of calls per minute.", rich_help_panel=_PANEL)
]
UnitTimeout = Annotated[
    float,
    typer.Option(
        "--unit-timeout",
        "--timeout",
        help="Timeout in seconds for one metric of one case; a call waits as long for a provider that throttles it.",
        rich_help_panel=_PANEL,
    ),
]
SpendLimit = Annotated[
    float | None,
    typer.Option(
        help="Spend limit in USD for judge and target; the run stops before it.", rich_help_panel=_PANEL
    ),
]


def parse_rate_limits(
    concurrency: int, calls_per_minute: int | None, unit_timeout_s: float, spend_limit_usd: float | None
) -> RateLimits:
    """Build the rate limits from the options.

    Raises:
        BadInput: an option is out of range.
    """
    return RateLimits(
        concurrency=concurrency,
        calls_per_minute=calls_per_minute,
        unit_timeout_s=unit_timeout_s,
        spend_limit_nano_usd=parse_spend_limit(spend_limit_usd),
    )


def parse_judge_options(pairs: list[str] | None) -> dict[str, str]:
    """Parse `--judge-option KEY=VALUE` pairs; dashes in keys become underscores.

    Raises:
        BadInput: a pair has no KEY=.
    """
    options: dict[str, str] = {}
    for pair in pairs or ():
        name, value = arguments.split_pair(
            pair, f"--judge-option takes KEY=VALUE, for example region=eu-central-1, not '{pair}'."
        )
        # Values stay text here; `runs.judging` converts them to the types of the options.
        options[name.replace("-", "_")] = value
    return options
