"""Generation of test cases from documents by a model; each case awaits review."""
