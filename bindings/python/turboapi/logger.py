"""The framework's logger; it has FastAPI's name, so that logging configurations keep working."""

import logging

logger = logging.getLogger("fastapi")
