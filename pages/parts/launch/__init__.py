"""The form that launches an evaluation: one module per section."""
