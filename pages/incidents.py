"""To come."""

from pages.parts import filters, frame

here = frame.guard("incidents")
filters.header(here)
