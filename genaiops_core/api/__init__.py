"""The HTTP API: receives OTLP, answers OFREP, and offers reads and operations for automation."""
