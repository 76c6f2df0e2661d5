"""The figures under screens and API: windows, series, quality, service map, sessions and users."""
