"""Conventions: maps the attributes of every dialect in use to the product's fields.

`names` is the mapping, `reading` applies it to a span's attributes, `usage` counts tokens, `content` reads messages,
documents and tools for display, `evaluations` reads scores.
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
    "find_model_in_parameters",
    "read_content",
    "read_evaluations",
    "read_fields",
]
