"""The policy file: the layout loads as written, and every error says where."""

import copy
from typing import Any

import pytest
import yaml

from genaiops_core.errors import BadInput
from genaiops_core.project import default_config
from genaiops_core.rollbacks import policy

DEFAULT: dict[str, Any] = yaml.safe_load(default_config("rollback_policy.yaml").read_text())


def change_policy(path: str, value: Any) -> str:
    """The default policy with one field replaced; None removes it."""
    document = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    place: Any = document["rollback_policy"]
    for parent in parents:
        place = place[int(parent)] if parent.isdigit() else place[parent]
    key: Any = int(last) if last.isdigit() else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return yaml.safe_dump(document)


def test_the_default_policy() -> None:
    loaded = policy.default()
    assert [
        (t.name, t.metric, t.threshold, t.window_min, t.comparison, t.severity) for t in loaded.triggers
    ] == [
        ("high_error_rate", "error_rate", 0.05, 5, "greater_than", "critical"),
        ("quality_degradation", "avg_quality_score", 0.75, 15, "less_than", "high"),
        ("cost_explosion", "cost_per_request", 0.05, 10, "greater_than", "high"),
        ("latency_spike", "p95_latency", 5000.0, 5, "greater_than", "medium"),
    ]
    assert [action["action"] for action in loaded.actions] == [
        "rollback",
        "notify",
        "create_incident",
        "stop_traffic",
    ]
    assert loaded.steps == policy.STEPS
    assert loaded.rolls_back


def test_the_procedure_may_stand_beside_the_policy() -> None:
    document = copy.deepcopy(DEFAULT)
    document["rollback_procedure"] = {"steps": ["stop_new_version_traffic"]}
    del document["rollback_policy"]["rollback_procedure"]
    assert policy.load(yaml.safe_dump(document)).steps == ("stop_new_version_traffic",)


@pytest.mark.parametrize(
    ("window", "minutes"), [("5min", 5), ("5m", 5), ("90 minutes", 90), ("1h", 60), ("24h", 1440)]
)
def test_windows(window: str, minutes: int) -> None:
    assert policy.load(change_policy("triggers.0.window", window)).triggers[0].window_min == minutes


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("triggers.1.metric", "faithfulness", r"triggers\[1\] \(quality_degradation\)\.metric: 'faithfulness' is not known; "
         "use one of error_rate, avg_quality_score, cost_per_request, p95_latency"),
        ("triggers.0.metric", None, r"triggers\[0\].*\.metric: it is missing"),
        ("triggers.2.threshold", "five", r"triggers\[2\] \(cost_explosion\)\.threshold: write a number"),
        ("triggers.2.threshold", True, r"threshold: write a number"),
        ("triggers.0.threshold", 5, r"threshold: error_rate is compared with a number from 0 to 1, not 5"),
        ("triggers.3.threshold", -1, r"threshold: p95_latency is compared with a number at least 0"),
        ("triggers.0.window", "5 parsecs", r"triggers\[0\].*\.window: write minutes or hours"),
        ("triggers.0.window", 5, r"\.window: write minutes"),
        ("triggers.0.window", "25h", r"\.window: .*up to 24h"),
        ("triggers.0.comparison", "above", r"\.comparison: 'above' is not known; use one of greater_than, less_than"),
        ("triggers.0.severity", "fatal", r"\.severity: 'fatal' is not known"),
        ("triggers.0.severity", None, r"\.severity: it is missing"),
        ("triggers.0.name", "", r"triggers\[0\]\.name"),
        ("triggers.0.name", "manual", r"triggers\[0\]\.name: 'manual' is reserved for"),
        ("triggers.1.name", "high_error_rate", r"triggers\[1\]\.name: 'high_error_rate' is used twice"),
        ("triggers.0.treshold", 3, r"triggers\[0\]\.treshold: no such field"),
        ("triggers.0", "error_rate", r"triggers\[0\] must have the fields"),
        ("triggers", None, r"triggers must be a list"),
        ("triggers", [], r"triggers must be a list"),
        ("actions.0.action", "reboot", r"actions\[0\]\.action: 'reboot' is not known"),
        ("actions.0.execution", "manual", r"actions\[0\] \(rollback\)\.execution"),
        ("actions.0.target", "v1", r"actions\[0\] \(rollback\)\.target"),
        ("actions.1.channels", "slack", r"actions\[1\] \(notify\)\.channels"),
        ("actions.2.severity", "bad", r"actions\[2\] \(create_incident\)\.severity"),
        ("actions.3.percentage", 5, r"actions\[3\] \(stop_traffic\)\.percentage"),
        ("rollback_procedure.steps.0", "pray", r"rollback_procedure\.steps\.0: 'pray' is not known"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_place(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        policy.load(change_policy(path, value))


@pytest.mark.parametrize(
    "text", ["", "[]", "rollback_policy: 3", "a: [", "!!python/object:os.system {}", "\x00"]
)
def test_what_is_no_policy_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy.load(text)
    assert "\n" not in str(caught.value)
