"""Routing of users to releases, and the rollouts that change the split."""
