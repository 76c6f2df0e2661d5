"""Every widget key, in one place. Shared filters are also the names of URL parameters, so renames break links."""

from __future__ import annotations

# Shared by all screens, bound to the URL.
WINDOW = "window"
START = "start"
END = "end"
APPLICATION = "application"
ENVIRONMENT = "environment"
RELEASE = "release"
MODEL = "model"

# The frame.
ACTOR = "actor"
FLASH = "_flash"

# Traces.
TRACE_ID = "trace_id"
TRACE_STATUS = "trace_status"
TRACE_QUERY = "q"
TRACE_TABLE = "trace_table"
TRACE_CURSORS = "_trace_cursors"
VIEW_SAVE = "view_save_open"
VIEW_NAME = "view_name"
VIEW_SHARED = "view_shared"


def search_example(at: int) -> str:
    """The button that puts an example into the search box."""
    return f"search_example_{at}"


def view_delete(identifier: int) -> str:
    """The button that opens the dialog to delete a saved view."""
    return f"view_delete_open_{identifier}"


def trace_export(form: str) -> str:
    """The button that downloads what the search found."""
    return f"trace_export_{form}"


# One trace.
TRACE_SPAN = "trace_span"
TRACE_TAB = "tab"
TRACE_WINDOW = "_trace_window"
TRACE_FOLD = "trace_fold"
TRACE_FOLD_ALL = "trace_fold_all"
TRACE_UNFOLD_ALL = "trace_unfold_all"
TRACE_EARLIER = "trace_earlier"
TRACE_LATER = "trace_later"
TO_DATASET = "to_dataset_open"
TO_DATASET_NAME = "to_dataset_name"
TO_DATASET_REFERENCE = "to_dataset_reference"

# Sessions, users and the service map.
SESSION = "session"
SESSION_TABLE = "session_table"
SESSION_CURSORS = "_session_cursors"
SESSION_OFFSET = "_session_offset"
USER = "user"
USER_TABLE = "user_table"
USER_ORDER = "user_order"

# Reviews.
REVIEW_TABLE = "review_table"
REVIEW_SUBMIT = "review_submit"
REVIEW_SKIP = "review_skip"
REVIEW_UNDO = "review_undo"
REVIEW_LAST = "_review_last"
REVIEW_DONE = "_review_done"


def review_rating(metric: str, trace_id: str) -> str:
    """The rating of one criterion."""
    return f"review_rating_{metric}_{trace_id}"


def review_comment(trace_id: str) -> str:
    """The comment on one answer."""
    return f"review_comment_{trace_id}"


def review_label(label: str) -> str:
    """The button that rates the next criterion, pressed by a number."""
    return f"review_label_{label}"


PROBLEM = "_problem"


def dialog_form(name: str) -> str:
    """The form of a dialog."""
    return f"{name}_form"


def dialog_reason(name: str) -> str:
    """The reason typed in a dialog."""
    return f"{name}_reason"


def dialog_typed(name: str) -> str:
    """The name typed out to confirm."""
    return f"{name}_typed"


def dialog_submit(name: str) -> str:
    """The button that acts."""
    return f"{name}_submit"


def dialog_problem(name: str) -> str:
    """The sentence of the last refusal."""
    return f"_{name}_problem"


# Releases.
RELEASE_TABLE = "release_table"
RELEASE_REGISTER = "release_register"
RELEASE_REQUEST = "release_request_open"
RELEASE_APPROVE = "release_approve_open"
RELEASE_REJECT = "release_reject_open"
NEW_RELEASE_APPLICATION = "new_release_application"
NEW_RELEASE_NAME = "new_release_name"
NEW_RELEASE_MODEL = "new_release_model"
NEW_RELEASE_PROMPTS = "new_release_prompts"
NEW_RELEASE_CODE = "new_release_code"
NEW_RELEASE_DATA = "new_release_data"
NEW_RELEASE_NOTES = "new_release_notes"
NEW_RELEASE = (
    NEW_RELEASE_APPLICATION,
    NEW_RELEASE_NAME,
    NEW_RELEASE_MODEL,
    NEW_RELEASE_PROMPTS,
    NEW_RELEASE_CODE,
    NEW_RELEASE_DATA,
    NEW_RELEASE_NOTES,
)

# Datasets.
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
WRITE_FILES = "write_files"
WRITE_DATASET = "write_dataset"
WRITE_JUDGE = "write_judge"
WRITE_CASES = "write_cases"
WRITE_LIMIT = "write_limit"
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


# Evaluations.
EVALUATION = "evaluation"
EVALUATION_NEW = "evaluation_new"
EVALUATION_PAUSE = "evaluation_pause_open"
EVALUATION_RESUME = "evaluation_resume_open"
EVALUATION_CANCEL = "evaluation_cancel_open"
EVALUATION_TABLE = "evaluation_table"
EVALUATION_TAB = "evaluation_tab"
RESUME_LIMIT_USD = "evaluation_resume_limit_usd"

# The cases of a run.
CASES_TABLE = "evaluation_cases"
CASES_WORST_BY = "evaluation_worst_by"
CASES_ONLY = "evaluation_only"
CASES_PAGE = "evaluation_page"

# A run against another.
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


# A new run.
COMPOSING = "_evaluation_composing"
RUN_DATASET = "run_dataset"
RUN_VERSION = "run_version"
RUN_SPLIT = "run_split"
RUN_SAMPLE = "run_sample"
RUN_RELEASE = "run_release"
RUN_JUDGE = "run_judge"
RUN_MODEL = "run_model"
RUN_BASE_URL = "run_base_url"
RUN_EVALUATORS = "run_evaluators"
RUN_REGION = "run_region"
RUN_PROFILE = "run_profile"
RUN_GUARDRAIL = "run_guardrail"
RUN_EMBEDDING = "run_embedding_model"
RUN_METRICS = "run_metrics"
RUN_BY = "run_decided_by"
RUN_CONCURRENCY = "run_concurrency"
RUN_RATE = "run_calls_per_minute"
RUN_TIMEOUT = "run_unit_timeout_s"
RUN_LIMIT_USD = "run_spend_limit_usd"
RUN_REASON = "run_reason"
RUN_LAUNCH = "run_launch"
RUN_BACK = "run_back"


def run_minimum(metric: str) -> str:
    """The least value asked of one metric."""
    return f"run_minimum_{metric}"


# Metrics and rubrics.
METRICS_TAB = "metrics_tab"
RUBRIC_WRITING = "_rubric_writing"
RUBRIC_PICKED = "rubric_picked"
RUBRIC_NEW = "rubric_new"
RUBRIC_NAME = "rubric_name"
RUBRIC_TITLE = "rubric_title"
RUBRIC_PROMPT = "rubric_prompt"
RUBRIC_SCALE = "rubric_scale"
RUBRIC_REASON = "rubric_reason"
RUBRIC_SAVE = "rubric_save"
RUBRIC_DATASET = "rubric_dataset"
RUBRIC_CASE = "rubric_case"

# Judges against people.
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


def held_against(metric: str) -> str:
    """Which label of people a metric of the judge is held against."""
    return f"held_against_{metric}"


def label_value(word: str) -> str:
    """The button that gives one label."""
    return f"label_value_{word}"


def label_column(field: str) -> str:
    """Which column of a file with labels holds one field."""
    return f"label_column_{field}"


# Prompts.
PROMPT_ADD = "prompt_add_open"
PROMPT_TABLE = "prompt_table"
PROMPT_OLD = "prompt_old"
PROMPT_NEW = "prompt_new"
NEW_PROMPT_APPLICATION = "new_prompt_application"
NEW_PROMPT_NAME = "new_prompt_name"
NEW_PROMPT_TEXT = "new_prompt_text"

# Rollouts and incidents.
ROLLOUT = "rollout"
ROLLOUT_START = "rollout_start_open"
START_RELEASE = "start_release"
START_PERCENT = "start_percent"
INCIDENT_TABLE = "incident_table"
ROLLBACK_TABLE = "rollback_table"


def rollout_widget(part: str, application: str) -> str:
    """One widget of the card of one application's rollout."""
    return f"rollout_{part}_{application}"


def rollback_open(application: str) -> str:
    """The button that opens the rollback dialog of an application."""
    return f"rollback_open_{application}"


def incident_resolve(identifier: int) -> str:
    """The button that opens the dialog to resolve an incident."""
    return f"incident_resolve_open_{identifier}"


# Audit.
AUDIT_ACTOR = "audit_actor"
AUDIT_ACTION = "audit_action"
AUDIT_TABLE = "audit_table"
AUDIT_VERIFY = "audit_verify"
AUDIT_REPORT = "_audit_report"
AUDIT_MORE = "_audit_more"

# Targets of evaluations.
TARGET_KIND = "target_kind"
TARGET_PROMPT = "target_prompt"
TARGET_MODEL = "target_model"
TARGET_REGION = "target_region"
TARGET_BASE_URL = "target_base_url"
TARGET_API_KEY = "target_api_key"
TARGET_SYSTEM = "target_system"
TARGET_MAX_TOKENS = "target_max_tokens"
TARGET_TEMPERATURE = "target_temperature"
TARGET_TOP_P = "target_top_p"
TARGET_URL = "target_url"
TARGET_TEMPLATE = "target_template"
TARGET_HEADERS = "target_headers"
TARGET_REPETITIONS = "target_repetitions"


def target_reply(field: str) -> str:
    """Where one part of an answer stands in the reply of an application."""
    return f"target_reply_{field}"
