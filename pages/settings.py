"""To come."""

from pages.parts import filters, frame

here = frame.guard("settings")
filters.header(here)
