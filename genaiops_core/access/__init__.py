"""Actors, and the audit log of their changes."""
