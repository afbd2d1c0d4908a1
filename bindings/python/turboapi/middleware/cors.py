"""CORS middleware of Starlette."""

from starlette.middleware.cors import CORSMiddleware as CORSMiddleware
