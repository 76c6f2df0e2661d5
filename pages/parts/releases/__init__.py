"""Releases and prompts."""
