"""The remote APIs: each is one TOML description, and what it makes of a request and of an answer."""
