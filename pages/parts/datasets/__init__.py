"""Datasets: import, versions, edits, splits, export."""
