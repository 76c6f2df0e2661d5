"""Widget keys of the screen Datasets and of the dialogs that fill a dataset."""

from __future__ import annotations

# The dialog that adds one request to a dataset.
TO_DATASET = "to_dataset_open"
TO_DATASET_NAME = "to_dataset_name"
TO_DATASET_REFERENCE = "to_dataset_reference"
DATASET_FILE = "dataset_file"
DATASET_NAME = "dataset_name"
DATASET_IMPORT = "dataset_import"
DATASET_IMPORTED = "_dataset_imported"
DATASET_TABLE = "dataset_table"
DATASET_SHEET = "dataset_sheet"
DATASET_VERSION = "dataset_version"
DATASET_TAB = "dataset_tab"
DATASET_PAGE = "dataset_page"
DATASET_WORDS = "dataset_words"
DATASET_SPLIT = "dataset_split"
DATASET_REVIEW = "dataset_review"
DATASET_SAVE = "dataset_save_open"
DATASET_ACCEPT = "dataset_accept_open"
DATASET_BEFORE = "dataset_before"
DATASET_AFTER = "dataset_after"
DATASET_CHANGED = "dataset_changed"
DATASET_TAG = "dataset_tag_open"
DATASET_TAG_NAME = "dataset_tag_name"
DATASET_TAG_VERSION = "dataset_tag_version"
DATASET_TAG_MOVES = "dataset_tag_moves"
DATASET_SHARES = "dataset_shares"
DATASET_SPLIT_SAVE = "dataset_split_save_open"
DATASET_DELETE = "dataset_delete_open"
DATASET_TRAFFIC = "dataset_traffic_open"
DATASET_DOCUMENTS = "dataset_documents_open"

# Cases generated from documents.
WRITE_FILES = "write_files"
WRITE_DATASET = "write_dataset"
WRITE_JUDGE = "write_judge"
WRITE_CASES = "write_cases"
WRITE_LIMIT = "write_limit"

# Cases created from requests.
TRAFFIC_DATASET = "traffic_dataset"
TRAFFIC_APPLICATION = "traffic_application"
TRAFFIC_RELEASE = "traffic_release"
TRAFFIC_WINDOW = "traffic_window"
TRAFFIC_QUERY = "traffic_query"
TRAFFIC_ERRORS = "traffic_errors"
TRAFFIC_DISLIKED = "traffic_disliked"
TRAFFIC_METRIC = "traffic_metric"
TRAFFIC_BELOW = "traffic_below"
TRAFFIC_LIMIT = "traffic_limit"


def dataset_grid(name: str, version: int, view: str) -> str:
    """The grid in which the cases of one view of one version are edited."""
    return f"dataset_grid_{name}_{version}_{view}"


def dataset_export(form: str) -> str:
    """The button that downloads a version."""
    return f"dataset_export_{form}"


def dataset_column(field: str) -> str:
    """Which column of the file feeds one field of a test case."""
    return f"dataset_column_{field}"
