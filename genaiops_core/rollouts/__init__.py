"""Which release answers whom: the routing table of each application and the rollouts that change it."""
