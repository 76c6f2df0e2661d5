"""The product without its screens: use cases, deciders and the three doors (API, jobs, command line)."""

__version__ = "0.1.0"
