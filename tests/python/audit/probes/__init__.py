"""Small programs against ``fastapi``; run once with FastAPI and once with this package."""
