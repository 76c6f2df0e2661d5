"""Paid calls: cached, budgeted, rate limited, priced and recorded. Independent of `runs`."""
