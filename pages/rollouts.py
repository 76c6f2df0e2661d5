"""To come."""

from pages.parts import filters, frame

here = frame.guard("rollouts")
filters.header(here)
