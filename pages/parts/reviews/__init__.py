"""The screen Reviews, and the labels and judge-human agreement of an evaluation."""
