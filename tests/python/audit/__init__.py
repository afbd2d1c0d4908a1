"""Compares this package with FastAPI 0.165.0: names and signatures, then behaviour."""
