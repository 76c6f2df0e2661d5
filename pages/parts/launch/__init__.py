"""The form that launches an evaluation."""
