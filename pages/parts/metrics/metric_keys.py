"""Widget keys of the screen Metrics."""

from __future__ import annotations

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
