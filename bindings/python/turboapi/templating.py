"""Jinja2 templates of Starlette (needs the package jinja2)."""

from starlette.templating import Jinja2Templates as Jinja2Templates
