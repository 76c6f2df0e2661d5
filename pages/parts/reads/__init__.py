"""Cached reads of the screens: each function opens one read-only snapshot and calls one function of the core."""
