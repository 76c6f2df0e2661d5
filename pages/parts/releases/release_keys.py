"""Widget keys of the screens Releases and Prompts."""

from __future__ import annotations

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

# Prompts.
PROMPT_ADD = "prompt_add_open"
PROMPT_TABLE = "prompt_table"
PROMPT_OLD = "prompt_old"
PROMPT_NEW = "prompt_new"
NEW_PROMPT_APPLICATION = "new_prompt_application"
NEW_PROMPT_NAME = "new_prompt_name"
NEW_PROMPT_TEXT = "new_prompt_text"
