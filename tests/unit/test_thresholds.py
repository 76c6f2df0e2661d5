"""`--min-METRIC X` on the command line, strictly."""

from __future__ import annotations

import pytest

from genaiops_core.cli.thresholds import parse
from genaiops_core.errors import BadInput


def test_dashes_underscores_and_equals_signs() -> None:
    minimums = parse(
        ["--min-context-precision", "0.75", "--min-relevancy=0.8", "--min-grounding_overlap", "1"]
    )
    assert minimums.minimums == {"context_precision": 0.75, "answer_relevancy": 0.8, "grounding_overlap": 1.0}
    assert parse(["--max-cost-per-query", "0.02", "--max-latency-p95", "3000"]).limits == {
        "cost_per_query": 0.02,
        "latency_p95": 3000.0,
    }
    assert not parse([])


def test_threshold_option_matches_metric_direction() -> None:
    assert parse(["--max-harmfulness", "0.1"]).minimums == {"harmfulness": 0.1}
    assert parse(["--max-refusal", "0.2"]).limits == {"refusal": 0.2}
    assert parse(["--min-refusal", "0.2"]).minimums == {"refusal": 0.2}
    with pytest.raises(BadInput, match="faithfulness is better when higher: use --min-faithfulness"):
        parse(["--max-faithfulness", "0.9"])


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["--min-x"],
            ["--min-x", "--min-y", "1"],
            ["--min-x", "much"],
            ["--min-x", "1.1"],
            ["--min-x", "nan"],
        ),
        *(
            ["--min-"],
            ["--minimum", "1"],
            ["stray"],
            ["--max-latency-p42", "1"],
            ["--max-cost-per-query", "inf"],
        ),
    ],
)
def test_other_arguments_are_rejected_by_name(arguments: list[str]) -> None:
    with pytest.raises(BadInput, match=arguments[0]):
        parse(arguments)
