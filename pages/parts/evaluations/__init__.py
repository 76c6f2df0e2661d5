"""Evaluation runs: list, progress, verdict, cases, comparison."""
