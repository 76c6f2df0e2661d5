"""Prices of models: the built-in list, imports, and the cost of a call by tokens, region and tier."""
