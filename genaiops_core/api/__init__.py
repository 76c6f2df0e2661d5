"""The HTTP door: OTLP in, OFREP out, reads and operations for automation."""
