"""Datasets: immutable versions of test cases, where they come from, and how they change."""

from genaiops_core.evaluation.datasets.catalogue import (
    Dataset,
    add_cases,
    case_of,
    cases,
    delete,
    export,
    get_version,
    list_datasets,
    list_versions,
    numbered_cases,
)
from genaiops_core.evaluation.datasets.imports import Preview, import_dataset, preview
from genaiops_core.evaluation.datasets.versions import DatasetVersion, checked_name, content_sha256

__all__ = [
    "Dataset",
    "DatasetVersion",
    "Preview",
    "add_cases",
    "case_of",
    "cases",
    "checked_name",
    "content_sha256",
    "delete",
    "export",
    "get_version",
    "import_dataset",
    "list_datasets",
    "list_versions",
    "numbered_cases",
    "preview",
]
