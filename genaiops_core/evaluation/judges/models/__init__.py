"""Models behind judges: one module a wire protocol."""
