"""Middleware declaration of Starlette."""

from starlette.middleware import Middleware as Middleware
