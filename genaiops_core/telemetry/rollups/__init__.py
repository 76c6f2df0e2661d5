"""Rollups by minute, hour and day: written with the spans, closed on schedule, read by a plan."""
