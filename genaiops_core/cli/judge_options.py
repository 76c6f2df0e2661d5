"""What `genaiops evaluate` takes on how a judge is asked: metrics, options, pace and spend limit."""

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
        help="Metric to measure, may be repeated; by default those the gates ask for.",
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
Concurrency = Annotated[
    int, typer.Option(help="Calls under way at once, over all workers.", rich_help_panel=_PANEL)
]
CallsPerMinute = Annotated[
    int | None, typer.Option(help="Calls begun in a minute at most.", rich_help_panel=_PANEL)
]
UnitTimeout = Annotated[
    float,
    typer.Option(help="Seconds after which one metric of one case counts as failed.", rich_help_panel=_PANEL),
]
SpendLimit = Annotated[
    float | None,
    typer.Option(
        help="USD that judging and answering may cost; the run stops before it.", rich_help_panel=_PANEL
    ),
]


def parse_rate_limits(
    concurrency: int, calls_per_minute: int | None, unit_timeout_s: float, spend_limit_usd: float | None
) -> RateLimits:
    """The pace that the options ask for.

    Raises:
        BadInput: one of them is out of range.
    """
    return RateLimits(
        concurrency=concurrency,
        calls_per_minute=calls_per_minute,
        unit_timeout_s=unit_timeout_s,
        spend_limit_nano_usd=parse_spend_limit(spend_limit_usd),
    )


def parse_judge_options(pairs: list[str] | None) -> dict[str, str]:
    """`--judge-option KEY=VALUE` as a mapping.

    Raises:
        BadInput: there is no KEY= before the value.
    """
    options: dict[str, str] = {}
    for pair in pairs or ():
        name, value = arguments.split_pair(
            pair, f"--judge-option {pair} must read KEY=VALUE, for example region=eu-central-1."
        )
        options[name.replace("-", "_")] = value
    return options
