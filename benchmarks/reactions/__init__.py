"""What `bench_reactions` measures, by subject; each function is one repetition on real processes."""
