"""The product without its screens: use cases, pure decisions, and the entry points (API, jobs, command line)."""

__version__ = "0.1.0"
