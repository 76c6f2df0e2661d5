"""The demo: applications with traffic, releases and evaluations, written by the real use cases, and its removal."""
