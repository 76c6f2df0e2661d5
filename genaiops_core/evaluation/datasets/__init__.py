"""Datasets: immutable versions of test cases, their sources, and changes between versions."""

from genaiops_core.evaluation.datasets.catalogue import (
    Dataset,
    add_cases,
    build_case,
    delete_dataset,
    export_cases,
    get_version,
    list_cases,
    list_datasets,
    list_texts,
    list_versions,
    load_cases,
)
from genaiops_core.evaluation.datasets.imports import Preview, import_dataset, preview_import
from genaiops_core.evaluation.datasets.versions import DatasetVersion, hash_cases, validate_name

__all__ = [
    "Dataset",
    "DatasetVersion",
    "Preview",
    "add_cases",
    "build_case",
    "delete_dataset",
    "export_cases",
    "get_version",
    "hash_cases",
    "import_dataset",
    "list_cases",
    "list_datasets",
    "list_texts",
    "list_versions",
    "load_cases",
    "preview_import",
    "validate_name",
]
