"""How far a judge agrees with people on one metric, and what its mean is worth. Deciders: values in, figures out."""

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
"""People find a case good from this label on: `partly` is good enough."""

DEFAULT_CUT = 0.5
"""A judge finds a case good from this value on where no gate says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What a judge and people say of one case."""

    case: str
    """Its number, or the trace it is."""
    judge: float
    human: float
    """Mean of its labellers."""
    is_random: bool = True
    """Whether the case was labelled for no reason that has to do with its quality."""


@dataclass(frozen=True, kw_only=True)
class JudgeAgreement:
    """One metric of one judge against people. Coefficients are None where too few cases are labelled to say."""

    judge: str
    metric: str
    label: str
    """The label of people it is held against."""
    why: str
    """Why that label: `chosen`, `same name` or `default`."""
    labelled: int
    """Cases with both a value of the judge and a label."""
    judged: int
    """Cases with a value of the judge."""
    minimum: int
    problem: str
    """'' or why there are no coefficients, in a sentence."""
    spearman: Association | None
    kappa: Agreement | None
    """Of good and not good: the judge from `cut` on, people from `GOOD_LABEL` on."""
    auroc: Association | None
    """How often the judge scores a case that people find good above one that they do not."""
    cut: float
    raw: Interval | None
    """The judge's own mean."""
    corrected: Corrected
    """What people would say of all judged cases; its `labelled` leaves out cases that were picked by their score."""
    note: str
    """What the estimate assumes."""
    pairs: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything but the pairs themselves."""
        fields = {name: value for name, value in vars(self).items() if name != "pairs"}
        for name in ("spearman", "kappa", "auroc", "raw", "corrected"):
            fields[name] = None if fields[name] is None else dict(vars(fields[name]))
        return fields


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Cases that the judge scored alike."""

    judge: float
    """Mean of the judge."""
    human: Interval
    """Mean label of people."""


def measure_agreement(
    match: LabelMatch,
    judge: str,
    pairs: Sequence[Pair],
    others: Sequence[float],
    *,
    cut: float = DEFAULT_CUT,
    note: str = "",
) -> JudgeAgreement:
    """Everything that labels say about one metric of one judge.

    Args:
        match: the metric and the label it is held against.
        judge: its name.
        pairs: the cases that have both.
        others: the judge's values of the cases without a label.
        cut: the judge finds a case good from this value on.
        note: what the corrected estimate assumes beside the random choice of labelled cases.
    """
    judge_values = [pair.judge for pair in pairs]
    random_pairs = [pair for pair in pairs if pair.is_random]
    # Cases picked by their score would bias the correction, so they count as unlabelled.
    rest = [*others, *(pair.judge for pair in pairs if not pair.is_random)]
    corrected = estimate([pair.judge for pair in random_pairs], [pair.human for pair in random_pairs], rest)
    assumption = "The corrected mean assumes that the labelled cases are a random sample of the judged ones."
    if len(random_pairs) < len(pairs):
        assumption += f" {len(pairs) - len(random_pairs)} that were picked by their score are left out of it."
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
    """Spearman, kappa and AUROC, or why there are none: nothing is said of fewer than `MIN_LABELS` cases."""
    if len(pairs) < MIN_LABELS:
        return {"spearman": None, "kappa": None, "auroc": None, "problem": insufficient(len(pairs))}
    judge, human = [pair.judge for pair in pairs], [pair.human for pair in pairs]
    good = [value >= GOOD_LABEL for value in human]
    problem = ""
    if len(set(human)) == 1:
        problem = "all labels are equal, so nothing can be said about the order"
    elif len(set(judge)) == 1:
        problem = "the judge gave every labelled case the same value"
    elif len(set(good)) == 1:
        problem = f"people found all of them {'good' if good[0] else 'bad'}: no AUROC"
    return {
        "spearman": spearman(judge, human),
        "kappa": cohen([(value >= cut, is_good) for value, is_good in zip(judge, good, strict=True)]),
        "auroc": auroc(judge, good),
        "problem": problem,
    }


def calibration(pairs: Sequence[Pair], *, bins: int = 5) -> list[Bin]:
    """Labels against the judge's values: groups of cases that the judge scored alike, as even in size as ties allow.

    On a calibrated judge both are the same; cases of equal value are never split over two groups.
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
