"""Releases: immutable manifests of code, data, model and prompts, and who approved them."""
