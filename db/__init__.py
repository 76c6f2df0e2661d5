"""Storage: engine, transactions, migrations and tables, without rules of the product."""
