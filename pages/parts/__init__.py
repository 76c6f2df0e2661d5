"""What screens share. Nothing here writes SQL; reads and actions go through genaiops_core."""
