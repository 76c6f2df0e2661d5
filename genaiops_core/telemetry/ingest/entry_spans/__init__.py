"""Which spans are requests: the rule, and its application to traces that arrive in parts."""
