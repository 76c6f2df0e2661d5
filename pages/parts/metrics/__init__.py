"""Metrics and rubrics."""
