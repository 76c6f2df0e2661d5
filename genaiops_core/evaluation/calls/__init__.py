"""Paid calls of evaluations: cached, budgeted, rate limited, priced and recorded. Knows nothing of runs."""
