"""Decodes OTLP exports of spans and log records, protobuf or JSON, to plain values."""
