"""Test cases that a judge's model writes from documents, reviewed before they are used."""
