"""Verdicts of gates, comparisons of evaluations, and their documents and reports. Mostly pure functions."""
