"""Estimates, intervals and tests. Pure functions of numbers; each names its method and source."""
