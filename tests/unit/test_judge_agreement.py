"""Agreement of a judge with people: which labels count, what is said of too few, groups of a calibration."""

from __future__ import annotations

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.human.agreement import MIN_LABELS, Pair, calibration, measure_agreement
from genaiops_core.evaluation.human.label_metrics import LabelMatch, match_label, parse_matches

MATCH = LabelMatch(metric="faithfulness", label="groundedness", why="default")


def pairs(*values: tuple[float, float], is_random: bool = True) -> list[Pair]:
    return [Pair(case=str(at), judge=j, human=h, is_random=is_random) for at, (j, h) in enumerate(values)]


def test_label_matches_metric_by_name_then_by_default() -> None:
    labels = {"groundedness", "helpfulness", "faithfulness"}
    assert match_label("faithfulness", labels) == LabelMatch(
        metric="faithfulness", label="faithfulness", why="same name"
    )
    assert match_label("grounding_overlap", labels) == LabelMatch(
        metric="grounding_overlap", label="groundedness", why="default"
    )
    assert match_label("safety", labels) is None


def test_configured_pairs_override_default_label_matches() -> None:
    chosen = parse_matches(["safety=helpfulness", "faithfulness="])
    assert match_label("safety", {"helpfulness"}, chosen) == LabelMatch(
        metric="safety", label="helpfulness", why="chosen"
    )
    assert match_label("faithfulness", {"faithfulness"}, chosen) is None
    with pytest.raises(BadInput, match="METRIC=LABEL"):
        parse_matches(["faithfulness"])


def test_agreement_figures_match_hand_computation() -> None:
    # Judge good and people good 12, judge only 4, people only 2, neither 6: kappa is (18/24 - p) / (1 - p).
    agreement = measure_agreement(
        MATCH,
        "j",
        pairs(*[(0.9, 1)] * 12, *[(0.8, 0)] * 4, *[(0.4, 1)] * 2, *[(0.2, 0)] * 6),
        [0.9] * 10,
        cut=0.7,
    )
    assert (agreement.labelled, agreement.judged, agreement.problem, agreement.cut) == (24, 34, "", 0.7)
    chance = (16 * 14 + 8 * 10) / 24**2
    assert agreement.kappa is not None
    assert agreement.kappa.kappa == pytest.approx((18 / 24 - chance) / (1 - chance))
    # Of 14 good and 10 bad: 12 of the good above all 10 bad, 2 above 6.
    assert agreement.auroc is not None
    assert agreement.auroc.value == pytest.approx((12 * 10 + 2 * 6) / 140)
    assert agreement.spearman is not None
    assert agreement.spearman.value > 0.5
    assert agreement.raw is not None
    assert agreement.raw.n == 34
    assert agreement.corrected.labelled == 24


def test_too_few_labels_give_no_agreement() -> None:
    agreement = measure_agreement(MATCH, "j", pairs(*[(0.9, 1), (0.2, 0)] * 3), [0.5] * 50)
    assert (agreement.spearman, agreement.kappa, agreement.auroc, agreement.corrected.mean) == (
        None,
        None,
        None,
        None,
    )
    assert agreement.problem == f"insufficient data: 6 of at least {MIN_LABELS} labelled cases"
    assert agreement.raw is not None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([(0.1 * at, 1.0) for at in range(10)], "all labels are equal"),
        ([(0.5, float(at % 2)) for at in range(10)], "gave every labelled case the same value"),
        ([(0.1 * at, (0.5, 1.0)[at % 2]) for at in range(10)], "all labels are good"),
    ],
)
def test_undefined_agreement_has_a_reason(values: list[tuple[float, float]], sentence: str) -> None:
    agreement = measure_agreement(MATCH, "j", pairs(*values, *values, *values), [])
    assert sentence in agreement.problem
    assert agreement.auroc is None or agreement.spearman is None


def test_corrected_mean_excludes_cases_selected_by_score() -> None:
    drawn, picked = pairs(*[(0.9, 1), (0.3, 0)] * 15), pairs(*[(0.5, 0)] * 30, is_random=False)
    agreement = measure_agreement(MATCH, "j", [*drawn, *picked], [0.9] * 20)
    assert (agreement.labelled, agreement.corrected.labelled, agreement.corrected.unlabelled) == (60, 30, 50)
    assert "30 that were selected by their score are excluded" in agreement.note


def test_calibration_groups_cases_by_judge_score() -> None:
    agreement = calibration(pairs(*[(at / 100, float(at >= 40)) for at in range(100)]), bins=5)
    assert [group.human.n for group in agreement] == [20] * 5
    assert [group.human.mean for group in agreement] == [0, 0, 1, 1, 1]
    assert agreement[0].judge == pytest.approx(0.095)
    tied = calibration(pairs(*[(1.0, 1.0)] * 30, *[(0.0, 0.0)] * 2))
    assert [group.human.n for group in tied] == [2, 30]
    assert calibration([]) == []
