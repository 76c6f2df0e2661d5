"""Search over requests: the language, pages of bounded work, exports and saved views."""
