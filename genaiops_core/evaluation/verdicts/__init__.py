"""What measurements amount to. Deciders: values in, verdicts, documents and texts out."""
