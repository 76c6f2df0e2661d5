"""The list of traces and one trace."""
