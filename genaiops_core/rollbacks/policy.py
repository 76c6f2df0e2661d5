"""The rollback policy: thresholds of metrics over a window, and the actions when they are exceeded. Read from YAML.

rollback_policy:
  triggers:            # name, metric, threshold, window, comparison (default greater_than), severity
  actions:             # rollback, notify, create_incident, stop_traffic, each with its own fields
  rollback_procedure:  # steps: [...]; may also stand beside rollback_policy
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import yaml

from genaiops_core.errors import BadInput
from genaiops_core.project import default_config
from genaiops_core.rollbacks.policy_metrics import HIGHEST_THRESHOLD, Metric

Comparison = Literal["greater_than", "less_than"]
Severity = Literal["low", "medium", "high", "critical"]
Step = Literal[
    "verify_previous_version_exists",
    "stop_new_version_traffic",
    "route_100_percent_to_previous",
    "validate_metrics_improved",
    "send_postmortem_template",
]

STEPS: tuple[Step, ...] = get_args(Step)
ACTIONS = ("rollback", "notify", "create_incident", "stop_traffic")
LONGEST_WINDOW_MIN = 24 * 60

_FIELDS = ("name", "metric", "threshold", "window", "comparison", "severity", "description")
_WINDOW = re.compile(r"(?P<number>[1-9][0-9]{0,3}) ?(?P<unit>m|min|mins|minutes?|h|hours?)")


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One threshold. The trigger fires when the figure is beyond `threshold`, not when it equals it."""

    name: str
    metric: Metric
    threshold: (
        float  # a share for error_rate and avg_quality_score, USD for cost_per_request, ms for p95_latency
    )
    window_min: int
    comparison: Comparison
    severity: Severity

    def is_exceeded_by(self, value: float) -> bool:
        """Whether `value` is beyond the threshold; a value that equals it is not."""
        return value > self.threshold if self.comparison == "greater_than" else value < self.threshold


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Triggers and actions. `actions` are stored as written in the file."""

    triggers: tuple[Trigger, ...]
    actions: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]

    def has(self, action: str) -> bool:
        """Whether an action of that name is listed."""
        return any(listed["action"] == action for listed in self.actions)

    @property
    def rolls_back(self) -> bool:
        """Whether a firing takes a live canary out of traffic."""
        return self.has("rollback") or self.has("stop_traffic")

    def find_strictest_trigger(self, metric: Metric) -> Trigger | None:
        """The trigger whose threshold a metric reaches first; None when no trigger watches it."""
        triggers = [trigger for trigger in self.triggers if trigger.metric == metric]
        if not triggers:
            return None
        strictest = min if triggers[0].comparison == "greater_than" else max
        return strictest(triggers, key=lambda trigger: trigger.threshold)

    def strictest_threshold(self, metric: Metric) -> float | None:
        """The threshold that a metric reaches first, in its own unit; None when no trigger watches it."""
        trigger = self.find_strictest_trigger(metric)
        return None if trigger is None else trigger.threshold


def policy_in_force(application: str | None) -> Policy:
    """The policy that the watch compares an application with; None names no application.

    Today it is one for all of them. Whoever shows a threshold reads it from this function, so that a policy of an
    application's own is shown where it applies.
    """
    del application
    return default()


def default() -> Policy:
    """The policy of config/rollback_policy.yaml."""
    return _parsed(default_config("rollback_policy.yaml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _parsed(text: str) -> Policy:
    """As `load`, cached: the watch reads the file every few seconds, and parsing takes longer than its queries."""
    return load(text)


def load(text: str) -> Policy:
    """Read a policy.

    Raises:
        BadInput: the text is not a valid policy; the message has the place and the correction.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"The rollback policy is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("rollback_policy"), dict):
        raise BadInput(
            "A rollback policy starts with 'rollback_policy:' and has triggers and actions under it."
        )
    body = document["rollback_policy"]
    procedure = body.get("rollback_procedure", document.get("rollback_procedure"))
    triggers = tuple(
        _trigger(f"rollback_policy.triggers[{index}]", entry)
        for index, entry in enumerate(_list("rollback_policy.triggers", body.get("triggers")))
    )
    names = [trigger.name for trigger in triggers]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise BadInput(
                f"rollback_policy.triggers[{index}].name: '{name}' is used twice; use different names."
            )
    return Policy(
        triggers=triggers,
        actions=tuple(
            _action(f"rollback_policy.actions[{index}]", entry)
            for index, entry in enumerate(_list("rollback_policy.actions", body.get("actions")))
        ),
        steps=_steps(procedure),
    )


def _trigger(place: str, entry: Any) -> Trigger:
    if not isinstance(entry, dict):
        raise BadInput(f"{place} must have the fields name, metric, threshold, window and severity.")
    unknown = [str(field) for field in entry if field not in _FIELDS]
    if unknown:
        raise BadInput(f"{place}.{unknown[0]}: no such field; a trigger has {', '.join(_FIELDS)}.")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 200 or not name.isprintable():
        raise BadInput(f"{place}.name: give the trigger a name of 1 to 200 printable characters.")
    if name.strip() == "manual":
        raise BadInput(f"{place}.name: 'manual' is reserved for rollbacks by users; choose another name.")
    place = f"{place} ({name.strip()})"
    metric = _one_of(place, "metric", entry.get("metric"), get_args(Metric))
    return Trigger(
        name=name.strip(),
        metric=metric,
        threshold=_threshold(place, entry.get("threshold"), metric),
        window_min=_window_min(place, entry.get("window")),
        comparison=_one_of(
            place, "comparison", entry.get("comparison", "greater_than"), get_args(Comparison)
        ),
        severity=_one_of(place, "severity", entry.get("severity"), get_args(Severity)),
    )


def _threshold(place: str, value: Any, metric: Metric) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{place}.threshold: write a number, not {value!r}.")
    highest = HIGHEST_THRESHOLD[metric]
    if not 0 <= value <= highest:
        limits = "at least 0" if math.isinf(highest) else f"from 0 to {highest:g}"
        raise BadInput(f"{place}.threshold: {metric} is compared with a number {limits}, not {value}.")
    return float(value)


def _window_min(place: str, value: Any) -> int:
    match = _WINDOW.fullmatch(value.strip()) if isinstance(value, str) else None
    minutes = 0 if match is None else int(match["number"]) * (60 if match["unit"].startswith("h") else 1)
    if not 1 <= minutes <= LONGEST_WINDOW_MIN:
        raise BadInput(f"{place}.window: write minutes or hours up to 24h, like 5min or 1h, not {value!r}.")
    return minutes


def _action(place: str, entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise BadInput(f"{place} must have the field action, one of {', '.join(ACTIONS)}.")
    action = _one_of(place, "action", entry.get("action"), ACTIONS)
    check = _ACTION_CHECKS.get(action)
    if check is not None:
        check(f"{place} ({action})", entry)
    return dict(entry)


def _check_rollback(place: str, entry: Mapping[str, Any]) -> None:
    _one_of(place, "target", entry.get("target", "last_stable_version"), ("last_stable_version",))
    _one_of(place, "execution", entry.get("execution", "immediate"), ("immediate",))


def _check_notify(place: str, entry: Mapping[str, Any]) -> None:
    channels = entry.get("channels")
    if not isinstance(channels, list) or not all(
        isinstance(channel, str) and channel for channel in channels
    ):
        raise BadInput(f"{place}.channels: list the addresses to notify, for example ['slack://ops-team'].")


def _check_create_incident(place: str, entry: Mapping[str, Any]) -> None:
    if "severity" in entry:
        _one_of(place, "severity", entry["severity"], get_args(Severity))


def _check_stop_traffic(place: str, entry: Mapping[str, Any]) -> None:
    _one_of(place, "variant", entry.get("variant", "canary"), ("canary",))
    if entry.get("percentage", 0) != 0:
        raise BadInput(f"{place}.percentage: traffic is stopped at 0, not at {entry['percentage']!r}.")


_ACTION_CHECKS: Mapping[str, Callable[[str, Mapping[str, Any]], None]] = {
    "rollback": _check_rollback,
    "notify": _check_notify,
    "create_incident": _check_create_incident,
    "stop_traffic": _check_stop_traffic,
}


def _steps(procedure: Any) -> tuple[Step, ...]:
    if procedure is None:
        return STEPS
    place = "rollback_procedure.steps"
    listed = procedure.get("steps") if isinstance(procedure, dict) else None
    return tuple(_one_of(place, str(index), step, STEPS) for index, step in enumerate(_list(place, listed)))


def _list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadInput(f"{place} must be a list with at least one entry.")
    return value


def _one_of(place: str, field: str, value: Any, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        problem = "it is missing" if value is None else f"{value!r} is not known"
        raise BadInput(f"{place}.{field}: {problem}; use one of {', '.join(allowed)}.")
    return value
