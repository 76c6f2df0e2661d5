"""How the console is served: warm before the first visit, and its files compressed."""
