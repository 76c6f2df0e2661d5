"""What telemetry means: every dialect in use, read into the product's own words.

`names` is the mapping itself, `reading` applies it to a span's attributes, `usage` counts tokens, `content` reads messages,
documents and tools for people, `evaluations` finds scores.
"""

from genaiops_core.telemetry.conventions.content import (
    Content,
    Document,
    LogRecord,
    Message,
    ToolUse,
    read_content,
)
from genaiops_core.telemetry.conventions.evaluations import Evaluation, read_evaluations
from genaiops_core.telemetry.conventions.names import COMPONENTS, FIELDS, MODEL_COMPONENTS
from genaiops_core.telemetry.conventions.reading import find_component, find_model_in_parameters, read_fields

__all__ = [
    "COMPONENTS",
    "FIELDS",
    "MODEL_COMPONENTS",
    "Content",
    "Document",
    "Evaluation",
    "LogRecord",
    "Message",
    "ToolUse",
    "find_component",
    "read_content",
    "read_evaluations",
    "find_model_in_parameters",
    "read_fields",
]
