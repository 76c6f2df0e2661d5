"""The screen Evaluations: the list, progress, and one evaluation with its verdict, cases and comparison."""
