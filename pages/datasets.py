"""To come."""

from pages.parts import filters, frame

here = frame.guard("datasets")
filters.header(here)
