"""Evaluation: datasets, targets, judges and metrics, runs with their calls, verdicts, and human labels."""
