"""To come."""

from pages.parts import filters, frame

here = frame.guard("evaluations")
filters.header(here)
