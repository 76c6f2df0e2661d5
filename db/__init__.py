"""Storage: engine, transactions, migrations and tables. Knows nothing of the product's rules."""
