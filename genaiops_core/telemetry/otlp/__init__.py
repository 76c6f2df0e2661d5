"""OTLP as it arrives: protobuf or JSON, spans or log records, turned into plain values."""
