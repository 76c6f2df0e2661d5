"""Production sampling: which requests are scored and why, and the feedback that selects more of them."""
