"""Judge-human agreement on one metric, and the mean corrected by human labels. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genaiops_core.evaluation.human.label_metrics import LabelMatch
from genaiops_core.statistics.agreement import Agreement, cohen
from genaiops_core.statistics.association import Association, auroc, spearman
from genaiops_core.statistics.intervals import Interval, betting
from genaiops_core.statistics.prediction_powered import MIN_LABELS, Corrected, estimate, insufficient

__all__ = ["GOOD_LABEL", "MIN_LABELS", "Bin", "JudgeAgreement", "Pair", "calibration", "measure_agreement"]

GOOD_LABEL = 0.5
"""A human label of at least this value counts as good: `partly` is good enough."""

DEFAULT_CUT = 0.5
"""A judge score of at least this value counts as good, unless a gate sets another threshold."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The judge score and the human label of one case."""

    case: str
    """Case number, or trace ID."""
    judge: float
    human: float
    """Mean over its labellers."""
    is_random: bool = True
    """Whether the case was selected for labelling independently of its score."""


@dataclass(frozen=True, kw_only=True)
class JudgeAgreement:
    """Agreement on one metric of one judge; coefficients are None with too few labels."""

    judge: str
    metric: str
    label: str
    """The human label that the metric is compared with."""
    why: str
    """How the label was matched: `chosen`, `same name` or `default`."""
    labelled: int
    """Cases with a judge score and a label."""
    judged: int
    """Cases with a judge score."""
    minimum: int
    problem: str
    """Why there are no coefficients; '' when there are."""
    spearman: Association | None
    kappa: Agreement | None
    """Of good and not good: judge scores from `cut` on, labels from `GOOD_LABEL` on."""
    auroc: Association | None
    """Probability that the judge scores a case with a good label above one with a bad label."""
    cut: float
    raw: Interval | None
    """The mean of the judge, without correction."""
    corrected: Corrected
    """Estimate of the mean label over all judged cases; `labelled` excludes cases that were selected by their score."""
    note: str
    """The assumptions of the estimate."""
    pairs: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        """All fields except the pairs."""
        fields = {name: value for name, value in vars(self).items() if name != "pairs"}
        for name in ("spearman", "kappa", "auroc", "raw", "corrected"):
            fields[name] = None if fields[name] is None else dict(vars(fields[name]))
        return fields


@dataclass(frozen=True, kw_only=True)
class Bin:
    """A group of cases with similar judge scores."""

    judge: float
    """Mean judge score."""
    human: Interval
    """Mean human label."""


def measure_agreement(
    match: LabelMatch,
    judge: str,
    pairs: Sequence[Pair],
    others: Sequence[float],
    *,
    cut: float = DEFAULT_CUT,
    note: str = "",
) -> JudgeAgreement:
    """Compute the agreement on one metric of one judge.

    Args:
        match: the metric and the label that it is compared with.
        judge: its name.
        pairs: the cases with a judge score and a label.
        others: judge scores of the cases without a label.
        cut: judge scores of at least this value count as good.
        note: further assumptions of the corrected mean, besides the random choice of labelled cases.
    """
    judge_values = [pair.judge for pair in pairs]
    random_pairs = [pair for pair in pairs if pair.is_random]
    # Cases picked by their score would bias the correction, so they count as unlabelled.
    rest = [*others, *(pair.judge for pair in pairs if not pair.is_random)]
    corrected = estimate([pair.judge for pair in random_pairs], [pair.human for pair in random_pairs], rest)
    assumption = "The corrected mean assumes that the labelled cases are a random sample of the judged ones."
    if len(random_pairs) < len(pairs):
        assumption += f" {len(pairs) - len(random_pairs)} that were selected by their score are excluded."
    return JudgeAgreement(
        judge=judge,
        metric=match.metric,
        label=match.label,
        why=match.why,
        labelled=len(pairs),
        judged=len(pairs) + len(others),
        minimum=MIN_LABELS,
        **coefficients(pairs, cut=cut),
        cut=cut,
        raw=betting([*judge_values, *others]),
        corrected=corrected,
        note=f"{assumption} {note}".strip(),
        pairs=tuple(pairs),
    )


def coefficients(pairs: Sequence[Pair], *, cut: float) -> dict[str, Any]:
    """Spearman, kappa and AUROC; None with the problem for fewer than `MIN_LABELS` cases."""
    if len(pairs) < MIN_LABELS:
        return {"spearman": None, "kappa": None, "auroc": None, "problem": insufficient(len(pairs))}
    judge, human = [pair.judge for pair in pairs], [pair.human for pair in pairs]
    good = [value >= GOOD_LABEL for value in human]
    problem = ""
    if len(set(human)) == 1:
        problem = "all labels are equal, so the order cannot be compared"
    elif len(set(judge)) == 1:
        problem = "the judge gave every labelled case the same value"
    elif len(set(good)) == 1:
        problem = f"all labels are {'good' if good[0] else 'bad'}, so AUROC is undefined"
    return {
        "spearman": spearman(judge, human),
        "kappa": cohen([(value >= cut, is_good) for value, is_good in zip(judge, good, strict=True)]),
        "auroc": auroc(judge, good),
        "problem": problem,
    }


def calibration(pairs: Sequence[Pair], *, bins: int = 5) -> list[Bin]:
    """Group cases by judge score, in groups as equal in size as ties allow, with the mean label of each group.

    For a calibrated judge both means are equal. Cases of equal score are always in one group.
    """
    if not pairs:
        return []
    values = np.array([pair.judge for pair in pairs])
    # Ties make equal edges; without `unique` there would be empty groups.
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, values, side="right")
    bins_of_cases = []
    for place in np.unique(places):
        members = [pair for pair, at in zip(pairs, places, strict=True) if at == place]
        human = betting([pair.human for pair in members])
        assert human is not None
        bins_of_cases.append(Bin(judge=float(np.mean([pair.judge for pair in members])), human=human))
    return bins_of_cases
