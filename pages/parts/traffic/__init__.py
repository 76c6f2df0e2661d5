"""The screens Overview, Cost, Latency, Quality, Service map, Sessions and Users."""
