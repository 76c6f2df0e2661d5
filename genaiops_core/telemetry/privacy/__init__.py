"""Retention, and deletion of the data of one user."""
