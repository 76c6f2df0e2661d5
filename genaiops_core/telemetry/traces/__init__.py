"""One trace: its spans as a tree, their content, cost, diagnosis and evidence."""
