"""To come."""

from pages.parts import filters, frame

here = frame.guard("audit")
filters.header(here)
