"""Tables by subject. Importing this package registers all of them on `metadata`."""

from db.tables import access, evaluations, releases, reviews, rollouts, telemetry
from db.tables.base import metadata

__all__ = ["access", "evaluations", "metadata", "releases", "reviews", "rollouts", "telemetry"]
