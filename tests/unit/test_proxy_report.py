"""The report on offline metrics: its figures are those in the documentation."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import bench_proxies
from genaiops_core.evaluation.metrics import OFFLINE, REGISTRY
from tests.conftest import SHARED_DATA


def read_documented_table() -> str:
    text = bench_proxies.DOCUMENT.read_text()
    return text.partition(bench_proxies.BEGIN)[2].partition(bench_proxies.END)[0].strip()


def test_proxy_report_separates_generated_rows(tmp_path: Path) -> None:
    rows = {row.metric: row for row in bench_proxies.report(tmp_path / "absent")}
    grounding, question = rows["grounding_overlap"], rows["question_overlap"]
    assert (grounding.data, grounding.n, grounding.good) == ("generated", 400, 200)
    assert grounding.auroc is not None
    assert grounding.auroc.value > 0.9
    assert question.auroc is not None
    assert question.auroc.value < grounding.auroc.value
    assert bench_proxies.table(list(rows.values())).count("\n") == 1 + len(rows)


def test_better_answer_must_score_higher(tmp_path: Path) -> None:
    answers = {"good": "the law library is open to all", "poor": "no idea"}
    pairs = [("poor", "good", 2), ("good", "poor", -1), ("good", "good", 0)] * 4
    rows = [
        {
            "query": "who may use it?",
            "gt_answer": "the law library is open to all people",
            "model1": {"response": answers[first]},
            "model2": {"response": answers[second]},
            "correctness_label": label,
        }
        for first, second, label in pairs
    ]
    (tmp_path / "ragchecker_human_pairs.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    items = list(bench_proxies.SETS["ragchecker", "which is more correct"](tmp_path))
    row = bench_proxies._row("ragchecker", "correct", "reference_overlap", items)
    assert (row.n, row.good) == (12, 4)
    assert row.auroc is not None
    assert (row.auroc.value, row.auroc.n) == (1.0, 8)


def test_offline_metrics_are_documented_with_figures() -> None:
    if SHARED_DATA.exists():
        assert read_documented_table() == bench_proxies.table(bench_proxies.report(bench_proxies.DATA)), (
            "run: python -m benchmarks.bench_proxies --write"
        )
    # Where the sets are not at hand, the table must at least be whole.
    lines = read_documented_table().splitlines()[2:]
    assert {(line.split(" | ")[0].strip("| "), line.split(" | ")[1]) for line in lines} == set(
        bench_proxies.SETS
    )
    for metric in (name for name, entry in REGISTRY.items() if OFFLINE in entry.judges):
        assert any(f"`{metric}`" in line for line in lines), metric
