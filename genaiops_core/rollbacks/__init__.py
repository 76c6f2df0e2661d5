"""The rollback policy that watches a canary, the rollback procedure, and incidents."""
