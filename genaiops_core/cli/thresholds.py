"""`--min-METRIC X` and `--max-METRIC X`: options named after metrics, which cannot be declared in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from genaiops_core.errors import BadInput

# Typer passes unknown options on, and `parse` rejects those that are not thresholds.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

LIMITS = {
    "max-cost-per-query": "cost_per_query",
    "max-latency-p50": "latency_p50",
    "max-latency-p95": "latency_p95",
    "max-latency-p99": "latency_p99",
}


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Thresholds of the command line."""

    minimums: dict[str, float] = field(default_factory=dict)
    """Metric -> threshold: a minimum, or a maximum when lower values are better."""
    limits: dict[str, float] = field(default_factory=dict)
    """cost_per_query (USD), latency_p50|p95|p99 (ms) -> maximum."""

    def __bool__(self) -> bool:
        return bool(self.minimums or self.limits)


def parse(arguments: Sequence[str]) -> Thresholds:
    """Parse the arguments that no declared option took.

    Raises:
        BadInput: an argument is not a threshold, or its value is not a number in range.
    """
    minimums: dict[str, float] = {}
    limits: dict[str, float] = {}
    remaining = list(arguments)
    while remaining:
        option, equals, value = remaining.pop(0).partition("=")
        name = option.removeprefix("--").replace("_", "-")
        is_metric = _is_metric(name)
        if not option.startswith("--") or not (is_metric or name in LIMITS):
            raise BadInput(
                f"'{option}' is not a valid option; thresholds are --min-METRIC X and {_list_limits()}."
            )
        if not equals:
            if not remaining or remaining[0].startswith("--"):
                raise BadInput(f"{option} needs a number, for example {option} 0.8.")
            value = remaining.pop(0)
        if is_metric:
            metric, threshold, is_most = _parse_metric(option, name, value)
            (limits if is_most else minimums)[metric] = threshold
        else:
            limits[LIMITS[name]] = _parse_number(option, value)
    return Thresholds(minimums=minimums, limits=limits)


def _is_metric(name: str) -> bool:
    """Whether the option names a metric: `min-` takes any name, `max-` only a known metric."""
    from genaiops_core.evaluation.metrics import list_metrics, normalise_name

    if name in LIMITS or len(name) <= len("min-"):
        return False
    if name.startswith("min-"):
        return True
    return name.startswith("max-") and normalise_name(name[4:]) in {metric.name for metric in list_metrics()}


def _parse_metric(option: str, name: str, value: str) -> tuple[str, float, bool]:
    """Metric, threshold, and whether it is a maximum of a metric without a better direction."""
    from genaiops_core.evaluation.metrics import normalise_name
    from genaiops_core.evaluation.verdicts.scales import find_scale

    metric = normalise_name(name[4:])
    scale = find_scale(metric)
    side = {True: "min", False: "max", None: name[:3]}[scale.higher_is_better]
    if not name.startswith(side):
        end = "higher" if scale.higher_is_better else "lower"
        raise BadInput(f"{metric} is better when {end}: use --{side}-{name[4:]}, not {option}.")
    threshold = _parse_number(option, value, low=scale.low, high=scale.high)
    return metric, threshold, scale.higher_is_better is None and side == "max"


def _parse_number(option: str, text: str, low: float = 0.0, high: float | None = None) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    # NaN fails every comparison, so it is refused here too.
    if not (value >= low and (high is None or value <= high) and value != float("inf")):
        limits = f"between {low:g} and {high:g}" if high is not None else f"of at least {low:g}"
        raise BadInput(f"{option} takes a number {limits}, not '{text}'.")
    return value


def _list_limits() -> str:
    return ", ".join(f"--{name} X" for name in LIMITS)
