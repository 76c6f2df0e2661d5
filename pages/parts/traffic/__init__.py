"""Overview, cost, latency, quality, service map, sessions and users."""
