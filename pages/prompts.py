"""To come."""

from pages.parts import filters, frame

here = frame.guard("prompts")
filters.header(here)
