"""Widget keys of the screen Reviews and of the labels of an evaluation."""

from __future__ import annotations

REVIEW_TABLE = "review_table"
REVIEW_SUBMIT = "review_submit"
REVIEW_SKIP = "review_skip"
REVIEW_UNDO = "review_undo"
REVIEW_LAST = "_review_last"
REVIEW_DONE = "_review_done"

# Judge-human agreement and labels.
AGREEMENT_TABLE = "agreement_table"
LABEL_METRIC = "label_metric"
LABEL_ORDER = "label_order"
LABEL_NEAREST_OF = "label_nearest_of"
LABEL_SKIP = "label_skip"
LABEL_SKIPPED = "_label_skipped"
LABEL_FILE = "label_file"
LABEL_IMPORTS = "_label_imports"
LABEL_FILE_METRIC = "label_file_metric"
LABEL_SCALE = "label_scale"
LABEL_WORDS = "label_words"
LABEL_IMPORT = "label_import"
LABEL_FROM_REVIEWS = "label_from_reviews"


def review_rating(metric: str, trace_id: str) -> str:
    """The rating of one criterion."""
    return f"review_rating_{metric}_{trace_id}"


def review_comment(trace_id: str) -> str:
    """The comment on one answer."""
    return f"review_comment_{trace_id}"


def review_label(label: str) -> str:
    """The button that rates the next criterion, pressed by a number."""
    return f"review_label_{label}"


def agreement_label(metric: str) -> str:
    """Key of the human label that is matched to a metric of the judge."""
    return f"held_against_{metric}"


def label_value(word: str) -> str:
    """The button that gives one label."""
    return f"label_value_{word}"


def label_column(field: str) -> str:
    """Which column of a file with labels holds one field."""
    return f"label_column_{field}"
