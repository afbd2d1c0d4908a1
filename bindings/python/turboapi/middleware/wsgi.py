"""WSGI middleware of Starlette (needs the package a2wsgi)."""

from starlette.middleware.wsgi import WSGIMiddleware as WSGIMiddleware
