"""The version that this package reports."""

__version__ = "0.165.0"
"""The release of FastAPI whose behaviour this package has; telemetry and tools report it."""
