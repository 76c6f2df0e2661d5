"""The processes of `genaiops up`: sockets, child processes and signals."""
