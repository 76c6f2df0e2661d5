"""Widget keys of the screen Evaluations: the list, one evaluation, its cases and its comparison."""

from __future__ import annotations

EVALUATION_NEW = "evaluation_new"
EVALUATION_PAUSE = "evaluation_pause_open"
EVALUATION_RESUME = "evaluation_resume_open"
EVALUATION_CANCEL = "evaluation_cancel_open"
EVALUATION_LINK = "evaluation_link"
EVALUATION_TABLE = "evaluation_table"
EVALUATION_TAB = "evaluation_tab"
RESUME_LIMIT_USD = "evaluation_resume_limit_usd"

# The cases of an evaluation.
CASES_TABLE = "evaluation_cases"
CASES_WORST_BY = "evaluation_worst_by"
CASES_ONLY = "evaluation_only"
CASES_PAGE = "evaluation_page"

# The comparison with another evaluation.
COMPARE_BASELINE = "compare_baseline"
COMPARE_ALLOWED = "compare_allowed"
COMPARE_METHOD = "compare_method"
COMPARE_CASES = "compare_cases"
COMPARE_METRIC = "compare_metric"
COMPARE_PAGE = "compare_page"
COMPARE_TABLE = "compare_cases_table"


def compare_export(ending: str) -> str:
    """The button that downloads a comparison."""
    return f"compare_export_{ending}"
