"""Thin adapters to Amazon Web Services: each takes a ready client, and only `clients` builds one."""
