"""The screens Rollouts and Incidents, and the rollback dialog."""
