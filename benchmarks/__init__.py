"""Benchmarks, each with a floor or a peer from the same run. `python -m benchmarks` runs all of them."""
