"""Metrics that installed packages bring along: found, called, and kept from doing harm."""

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
from tests.direct_calls import judge_one

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
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
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
def pack(installed: Callable[[str, str], None]) -> None:
    lines = [f"{name} = pack_of_metrics:{name}" for name in POINTS]
    installed("pack_of_metrics", "\n".join([*lines, "faithfulness = pack_of_metrics:half"]))


def test_a_metric_of_a_package_is_in_the_registry_with_what_it_says_of_itself(pack: None) -> None:
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
    who = create_judge("offline")
    assert "half" in who.metrics and "half" not in who.defaults


def test_its_values_and_reasons_are_taken(pack: None) -> None:
    assert judge_one("offline", "half", CASE)[0].value == 0.5
    assert judge_one("offline", "yes", CASE)[0].value == 1
    undefined = judge_one("offline", "counted", CASE)[0]
    assert (undefined.value, undefined.reason, undefined.is_failed) == (None, "nothing to count", False)
    assert judge_one("offline", "half", Case(input="Why?"))[0].reason == "the case has no answer"


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("raises", "raises raised RuntimeError: no luck."),
        ("above", "above gave 1.5, which is not between 0 and 1."),
        ("text", "text gave str, not a number."),
        ("nan", "nan gave nan, which is not between 0 and 1."),
    ],
)
def test_code_that_fails_fails_the_unit_and_says_why(pack: None, metric: str, sentence: str) -> None:
    with pytest.raises(CallFailed) as raised:
        judge_one("offline", metric, CASE)
    assert str(raised.value) == sentence


def test_entry_points_that_cannot_be_used_are_told_and_do_no_harm(pack: None) -> None:
    problems = {one.split("'")[1]: one for one in metrics.load_code_metrics().problems}
    assert set(problems) == {"thirsty", "number", "absent", "faithfulness"}
    assert "needs 'water', which no case has" in problems["thirsty"]
    assert "it is int, not a callable" in problems["number"]
    assert "the name faithfulness is taken" in problems["faithfulness"]
    assert "of pack_of_metrics-pack (pack_of_metrics:absent)" in problems["absent"]
    entry = metrics.lookup_metric("faithfulness")
    assert entry is not None and entry.kind == "ragas"


def test_the_example_is_a_metric(installed: Callable[[str, str], None], tmp_path: Path) -> None:
    example = ROOT / "examples" / "code_metric"
    shutil.copy(example / "brevity.py", tmp_path)
    wanted = (example / "pyproject.toml").read_text().split('."genaiops.metrics"]\n')[1].split("\n")[0]
    installed("brevity", wanted.replace('"', ""))
    assert judge_one("offline", "brevity", CASE)[0].value == 1
    long = judge_one("offline", "brevity", Case(input="Why?", answer="so " * 90))[0]
    assert (long.value, long.reason) == (0.5, "90 words")
    sys.modules.pop("brevity", None)
