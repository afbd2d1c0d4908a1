"""Static files of Starlette."""

from starlette.staticfiles import StaticFiles as StaticFiles
