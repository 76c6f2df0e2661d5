"""Metrics of installed packages: discovery, values, and isolation of failures."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genaiops_core.evaluation import metrics
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.metrics import code
from genaiops_core.evaluation.models.protocol import CallFailed
from tests.direct_calls import judge_case

ROOT = Path(__file__).resolve().parents[2]
CASE = Case(input="Why?", answer="Because it is so.")

CODE = """
def half(case): return 0.5
half.title = "Half"
half.needs = ("answer",)
half.higher_is_better = False

class Counted:
    name = "counted"
    needs = ()
    def __call__(self, case): return None, "nothing to count"

counted = Counted()
def raises(case): raise RuntimeError("no luck")
def above(case): return 1.5
def text(case): return "good"
def nan(case): return float("nan")
def yes(case): return True
def thirsty(case): return 1
thirsty.needs = ("water",)
number = 7
"""
POINTS = ("half", "counted", "raises", "above", "text", "nan", "yes", "thirsty", "number", "absent")


@pytest.fixture
def install_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Install a package of one module with entry points, as pip would, in a folder on the path."""

    def install(module: str, points: str) -> None:
        info = tmp_path / f"{module}_pack-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}-pack\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[genaiops.metrics]\n{points}\n")
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "pack_of_metrics.py").write_text(CODE)
    code.load_metrics.cache_clear()
    yield install
    code.load_metrics.cache_clear()
    sys.modules.pop("pack_of_metrics", None)


@pytest.fixture
def metrics_package(install_metrics: Callable[[str, str], None]) -> None:
    lines = [f"{name} = pack_of_metrics:{name}" for name in POINTS]
    install_metrics("pack_of_metrics", "\n".join([*lines, "faithfulness = pack_of_metrics:half"]))


def test_package_metric_is_in_the_registry(metrics_package: None) -> None:
    entry = metrics.lookup_metric("half")
    assert entry is not None
    assert (entry.title, entry.kind, entry.needs, entry.higher_is_better) == (
        "Half",
        "code",
        ("answer",),
        False,
    )
    assert entry.source == "pack_of_metrics-pack 1.2, pack_of_metrics:half"
    assert entry in metrics.list_metrics()
    offline_judge = create_judge("offline")
    assert "half" in offline_judge.metrics and "half" not in offline_judge.defaults


def test_package_metric_gives_values_and_reasons(metrics_package: None) -> None:
    assert judge_case("offline", "half", CASE)[0].value == 0.5
    assert judge_case("offline", "yes", CASE)[0].value == 1
    undefined = judge_case("offline", "counted", CASE)[0]
    assert (undefined.value, undefined.reason, undefined.is_failed) == (None, "nothing to count", False)
    assert judge_case("offline", "half", Case(input="Why?"))[0].reason == "the case has no answer"


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("raises", "raises raised RuntimeError: no luck."),
        ("above", "above returned 1.5, which is not between 0 and 1."),
        ("text", "text returned str, not a number."),
        ("nan", "nan returned nan, which is not between 0 and 1."),
    ],
)
def test_failing_metric_fails_its_unit(metrics_package: None, metric: str, sentence: str) -> None:
    with pytest.raises(CallFailed) as raised:
        judge_case("offline", metric, CASE)
    assert str(raised.value) == sentence


def test_invalid_entry_points_are_reported(metrics_package: None) -> None:
    problems = {problem.split("'")[1]: problem for problem in metrics.load_code_metrics().problems}
    assert set(problems) == {"thirsty", "number", "absent", "faithfulness"}
    assert "requires 'water', which is not a field of a case" in problems["thirsty"]
    assert "it is int, not a callable" in problems["number"]
    assert "the name faithfulness is taken" in problems["faithfulness"]
    assert "of pack_of_metrics-pack (pack_of_metrics:absent)" in problems["absent"]
    entry = metrics.lookup_metric("faithfulness")
    assert entry is not None and entry.kind == "ragas"


def test_example_of_the_docs_is_a_metric(install_metrics: Callable[[str, str], None], tmp_path: Path) -> None:
    example = ROOT / "examples" / "code_metric"
    shutil.copy(example / "brevity.py", tmp_path)
    wanted = (example / "pyproject.toml").read_text().split('."genaiops.metrics"]\n')[1].split("\n")[0]
    install_metrics("brevity", wanted.replace('"', ""))
    assert judge_case("offline", "brevity", CASE)[0].value == 1
    long = judge_case("offline", "brevity", Case(input="Why?", answer="so " * 90))[0]
    assert (long.value, long.reason) == (0.5, "90 words")
    sys.modules.pop("brevity", None)
