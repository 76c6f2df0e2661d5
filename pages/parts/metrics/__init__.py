"""The screen Metrics: the registry of metrics, and rubrics with their form."""
