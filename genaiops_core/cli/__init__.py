"""The command line: each command parses its arguments, calls a use case and prints the result."""
