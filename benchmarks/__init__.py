"""Figures, each as a ratio beside a floor or a peer in the same run. `python -m benchmarks` runs all of them."""
