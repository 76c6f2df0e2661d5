"""Telemetry: from OTLP and invocation logs to requests, traces, rollups, scores, search and retention."""
