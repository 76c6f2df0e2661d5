"""Coverage and width of prediction-powered intervals, compared with intervals of the labels alone.

This benchmark prints the table of docs/design/judge-against-humans.md.

    python -m benchmarks.bench_coverage [--repetitions 400]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import betting
from genaiops_core.statistics.prediction_powered import NORMAL, estimate

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], tuple[Array, Array]]

OTHERS = 1_000
LABELS = (20, 50, 100, 200, 500)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=400)
    options, _ = parser.parse_known_args()
    print("| judge and labels | labels | coverage | width | labels alone | normal | bias of the judge |")
    print("|---|---|---|---|---|---|---|")
    for name, draw in SCENARIOS.items():
        truth = float(draw(np.random.default_rng(9), 2_000_000)[1].mean())
        for labels in LABELS:
            print(f"| {name} | {labels} | {_row(draw, truth, labels, options.repetitions)} |", flush=True)


def _row(draw: Draw, truth: float, labels: int, repetitions: int) -> str:
    random = np.random.default_rng(1)
    covers, widths, alone, normal, biases = [], [], [], [], []
    for _ in range(repetitions):
        judge, human = draw(random, labels)
        corrected = estimate(judge, human, draw(random, OTHERS)[0])
        plain = betting(human)
        assert (
            corrected.low is not None
            and corrected.high is not None
            and corrected.raw is not None
            and plain is not None
        )
        covers.append(corrected.low <= truth <= corrected.high)
        widths.append(corrected.high - corrected.low)
        alone.append(plain.high - plain.low)
        normal.append(corrected.method == NORMAL)
        biases.append(corrected.raw - truth)
    means = [float(np.mean(column)) for column in (covers, widths, alone, normal, biases)]
    return "{:.1%} | {:.3f} | {:.3f} | {:.0%} | {:+.3f}".format(*means)


def _draw_yes_no(good: float, *, is_uninformative: bool) -> Draw:
    """Labels are 0 or 1; an uninformative judge scores all cases alike, an informative one scores most bad cases low."""

    def draw(random: np.random.Generator, n: int) -> tuple[Array, Array]:
        human = (random.random(n) < good).astype(np.float64)
        kind: Array = random.beta(9, 1.5, n)
        return (kind if is_uninformative else np.where(human > 0, kind, random.beta(2, 4, n))), human

    return draw


def _draw_accurate(random: np.random.Generator, n: int) -> tuple[Array, Array]:
    human = (random.random(n) < 0.7).astype(np.float64)
    return np.where(random.random(n) < 0.97, human, 1 - human), human


def _draw_grades(random: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Labels with five grades, and a judge with a bias of 0.1."""
    truth = random.beta(5, 2, n)
    human = np.round(np.clip(truth + random.normal(0, 0.08, n), 0, 1) * 4) / 4
    return np.clip(truth + 0.1 + random.normal(0, 0.05, n), 0, 1), human


SCENARIOS: dict[str, Draw] = {
    "80 % good, informative judge": _draw_yes_no(0.8, is_uninformative=False),
    "95 % good, informative judge": _draw_yes_no(0.95, is_uninformative=False),
    "98 % good, uninformative judge": _draw_yes_no(0.98, is_uninformative=True),
    "60 % good, uninformative judge": _draw_yes_no(0.6, is_uninformative=True),
    "70 % good, judge right 97 % of the time": _draw_accurate,
    "five grades, judge 0.1 too lenient": _draw_grades,
}


if __name__ == "__main__":
    main()
