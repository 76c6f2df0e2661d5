"""The operating-system side of `genaiops up`: sockets, children, signals."""
