"""The dependency graph of an endpoint: what it needs, read from its signature."""
