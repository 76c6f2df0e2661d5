"""Verdicts over measurements, comparisons of evaluations, and their documents and reports. Mostly pure deciders."""
