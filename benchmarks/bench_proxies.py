"""Offline metrics against human labels: AUROC and Spearman of each, on five public labelled datasets.

The datasets are in `../shared/data/rag_eval`; its README.md lists their sources. Without them the report uses generated
rows with known labels and prints a note, because those figures do not describe human labels.

    python -m benchmarks.bench_proxies [--write]    # --write puts the table into docs/reference/proxies.md
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics import OFFLINE, REGISTRY, measure
from genaiops_core.statistics.association import Association, auroc, spearman

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "rag_eval"
DOCUMENT = ROOT / "docs" / "reference" / "proxies.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"

GOOD_FROM = 0.5
"""Smallest label, scaled to 0..1, that counts as good."""


class Item(NamedTuple):
    """A labelled answer, or a labelled pair of answers, for which the value of a metric is the difference."""

    cases: tuple[Case, ...]
    label: float
    """0 to 1; for a pair -2 (the first is much better) to 2."""


class Row(NamedTuple):
    """The result of a metric for a label of a dataset."""

    data: str
    label: str
    metric: str
    n: int
    good: int
    auroc: Association | None
    spearman: Association | None


def main() -> None:
    """Print the report; with --write, put it into the documentation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    options, _ = parser.parse_known_args()
    rows = report(DATA)
    if not DATA.exists():
        print(f"{DATA} does not exist. These figures are of generated rows and do not describe human labels.")
    print(table(rows))
    if options.write:
        text = DOCUMENT.read_text()
        before, _, rest = text.partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}")


def report(folder: Path) -> list[Row]:
    """Compare every offline metric with every label of every dataset in `folder`, or with generated rows without it."""
    sets = SETS if folder.exists() else {("generated", "supported"): lambda _folder: generate_items()}
    metrics = [name for name, entry in REGISTRY.items() if OFFLINE in entry.judges]
    rows = []
    for (data, label), read in sets.items():
        items = list(read(folder))
        rows += [row for metric in metrics if (row := _row(data, label, metric, items)).n]
    return rows


def table(rows: list[Row]) -> str:
    """The report as a Markdown table."""
    lines = [
        "| dataset | label | metric | n | good | AUROC (95 %) | Spearman (95 %) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = f"{row.n:,} | {row.good / row.n:.0%} | {_format_association(row.auroc)} | {_format_association(row.spearman)}"
        lines.append(f"| {row.data} | {row.label} | `{row.metric}` | {figures} |")
    return "\n".join(lines)


def _row(data: str, label: str, metric: str, items: list[Item]) -> Row:
    values, labels = [], []
    for item in items:
        measured = [
            _measure(metric, case.input, case.answer, case.contexts, case.reference) for case in item.cases
        ]
        known = [value for value in measured if value is not None]
        if len(known) == len(measured):
            values.append(known[-1] - known[0] if len(known) == 2 else known[0])
            labels.append(item.label)
    is_of_two = any(len(item.cases) == 2 for item in items)
    # A pair of equal answers has no better one, so it does not count in AUROC.
    decided = [
        (value, human_label)
        for value, human_label in zip(values, labels, strict=True)
        if human_label != 0 or not is_of_two
    ]
    good = [human_label > 0 if is_of_two else human_label >= GOOD_FROM for _, human_label in decided]
    return Row(
        data=data,
        label=label,
        metric=metric,
        n=len(values),
        good=sum(good) if not is_of_two else sum(human_label > 0 for human_label in labels),
        auroc=auroc([value for value, _ in decided], good),
        spearman=spearman(values, labels),
    )


@cache
def _measure(
    metric: str, question: str, answer: str | None, contexts: tuple[str, ...] | None, reference: str | None
) -> float | None:
    """Measure an answer; cached, because an answer may have several kinds of labels."""
    return measure(metric, Case(input=question, answer=answer, contexts=contexts, reference=reference)).value


def _format_association(association: Association | None) -> str:
    return (
        "unknown"
        if association is None
        else f"{association.value:.2f} ({association.low:.2f} to {association.high:.2f})"
    )


def _mtrag(dimension: str) -> Callable[[Path], Iterator[Item]]:
    def read(folder: Path) -> Iterator[Item]:
        for row in _lines(folder / "mtrag_human_cases.jsonl"):
            # Rows with model=reference are the reference answer itself, so their overlap is always 1.
            ratings = row["human"].get(dimension)
            if row["model"] != "reference" and ratings:
                case = Case(
                    input=row["question"],
                    answer=row["answer"],
                    contexts=tuple(row["contexts"]),
                    reference=row["ground_truth"],
                )
                yield Item((case,), (fmean(ratings) - 1) / 3)

    return read


def _ragchecker(label: str) -> Callable[[Path], Iterator[Item]]:
    def read(folder: Path) -> Iterator[Item]:
        for row in _lines(folder / "ragchecker_human_pairs.jsonl"):
            both = tuple(
                Case(input=row["query"], answer=row[name]["response"], reference=row["gt_answer"])
                for name in ("model1", "model2")
            )
            yield Item(both, float(row[label]))

    return read


def _halueval(folder: Path) -> Iterator[Item]:
    for row in _lines(folder / "halueval_general.jsonl"):
        case = Case(input=row["user_query"], answer=row["chatgpt_response"])
        yield Item((case,), float(row["hallucination"] == "no"))


def _begin(folder: Path) -> Iterator[Item]:
    with (folder / "begin_dev_wow.tsv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            case = Case(input=row["message"], answer=row["response"], contexts=(row["knowledge"],))
            yield Item((case,), float(row["begin_label"] == "Fully attributable"))


def _summedits(folder: Path) -> Iterator[Item]:
    for row in json.loads((folder / "summedits_samsum.json").read_bytes()):
        # The dataset has no questions, so metrics that read the question are undefined.
        case = Case(input="", answer=row["summary"], contexts=(row["doc"],))
        yield Item((case,), float(row["label"]))


def generate_items(cases: int = 400, seed: int = 20_260_105) -> Iterator[Item]:
    """Generate answers that repeat their context, and as many answers with half of the words from elsewhere."""
    rng = random.Random(seed)
    words = [
        f"{first}{last}" for first in ("bal", "cor", "dun", "fer", "gil") for last in ("an", "ek", "im", "os")
    ]
    for number in range(cases):
        passage = rng.sample(words, 12)
        is_supported = number % 2 == 0
        answer = passage[:8] if is_supported else passage[:4] + rng.sample(words, 4)
        case = Case(
            input=" ".join(rng.sample(passage, 3)),
            answer=" ".join(answer),
            contexts=(" ".join(passage),),
            reference=" ".join(passage[:8]),
        )
        yield Item((case,), float(is_supported))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


SETS: dict[tuple[str, str], Callable[[Path], Iterator[Item]]] = {
    ("mtrag", "faithfulness"): _mtrag("faithfulness"),
    ("mtrag", "appropriateness"): _mtrag("appropriateness"),
    ("mtrag", "completeness"): _mtrag("completeness"),
    ("ragchecker", "which is more correct"): _ragchecker("correctness_label"),
    ("ragchecker", "which is more complete"): _ragchecker("completeness_label"),
    ("ragchecker", "which is better"): _ragchecker("overall_label"),
    ("halueval", "no hallucination"): _halueval,
    ("begin", "fully attributable"): _begin,
    ("summedits", "consistent"): _summedits,
}


if __name__ == "__main__":
    main()
