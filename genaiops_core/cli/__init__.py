"""The command-line door: each function parses, calls a use case, prints."""
