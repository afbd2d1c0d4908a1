"""The one exception that ends a benchmark with a message instead of a traceback."""


class RigError(Exception):
    """Something is missing, would not build, answered wrongly or failed under load."""
