"""What real instrumentation libraries send, and what the console counts of it: `make dialects`.

Each library is installed into an environment of its own (`pins.toml`) and makes the calls of its program (`programs/`)
against loopback servers that speak the protocols of Bedrock and OpenAI (`provider`). It exports to a console with a new
database (`console`). What the provider billed is the truth (`scenarios`); `comparison` compares it with what the
console says, and `report` writes the result to `results.json` and docs/reference/telemetry.md.
"""
