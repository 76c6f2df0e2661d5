"""Ingest: from a decoded export to spans, payloads, requests and rollups in one transaction, each model call counted once."""
