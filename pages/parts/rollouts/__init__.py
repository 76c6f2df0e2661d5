"""Rollouts, rollbacks and incidents."""
