"""Trusted host middleware of Starlette."""

from starlette.middleware.trustedhost import TrustedHostMiddleware as TrustedHostMiddleware
