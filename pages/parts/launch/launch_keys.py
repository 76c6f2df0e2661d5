"""Widget keys of the form that starts an evaluation, with those of its target."""

from __future__ import annotations

LINK = "_run_link"
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

# The target.
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


def run_minimum(metric: str) -> str:
    """Key of the minimum of one metric."""
    return f"run_minimum_{metric}"


def target_reply(field: str) -> str:
    """Key of the path of one field in the reply of an HTTP application."""
    return f"target_reply_{field}"
