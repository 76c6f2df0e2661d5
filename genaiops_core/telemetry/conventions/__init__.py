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
    content,
)
from genaiops_core.telemetry.conventions.evaluations import Evaluation, evaluations
from genaiops_core.telemetry.conventions.names import COMPONENTS, FIELDS, MODEL_COMPONENTS
from genaiops_core.telemetry.conventions.reading import component, model_of_parameters, read

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
    "component",
    "content",
    "evaluations",
    "model_of_parameters",
    "read",
]
