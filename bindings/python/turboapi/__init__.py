"""A FastAPI-compatible framework on top of libturbo.

Importing this package loads no native code; ``TurboAPI.run`` and ``turboapi run`` do. Names and
modules are loaded when they are first used: ``import turboapi`` alone costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._lazy import late_attributes
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from starlette import status as status
    from starlette.types import ASGIApp

    from . import applications as applications
    from . import background as background
    from . import concurrency as concurrency
    from . import datastructures as datastructures
    from . import dependencies as dependencies
    from . import encoders as encoders
    from . import exception_handlers as exception_handlers
    from . import exceptions as exceptions
    from . import logger as logger
    from . import middleware as middleware
    from . import openapi as openapi
    from . import param_functions as param_functions
    from . import params as params
    from . import requests as requests
    from . import responses as responses
    from . import routing as routing
    from . import security as security
    from . import sse as sse
    from . import telemetry as telemetry
    from . import types as types
    from . import utils as utils
    from . import websockets as websockets
    from ._alias import install_as_fastapi as install_as_fastapi
    from ._cache import ResponseCache as ResponseCache
    from .applications import FastAPI as FastAPI
    from .applications import TurboAPI as TurboAPI
    from .background import BackgroundTasks as BackgroundTasks
    from .datastructures import UploadFile as UploadFile
    from .exceptions import HTTPException as HTTPException
    from .exceptions import WebSocketException as WebSocketException
    from .param_functions import Body as Body
    from .param_functions import Cookie as Cookie
    from .param_functions import Depends as Depends
    from .param_functions import File as File
    from .param_functions import Form as Form
    from .param_functions import Header as Header
    from .param_functions import Path as Path
    from .param_functions import Query as Query
    from .param_functions import Security as Security
    from .requests import Request as Request
    from .responses import Response as Response
    from .routing import APIRouter as APIRouter
    from .websockets import WebSocket as WebSocket
    from .websockets import WebSocketDisconnect as WebSocketDisconnect

# The modules that are there after ``import fastapi``, and the names that come from them.
_HOMES: dict[str, tuple[str, ...]] = {
    "_alias": ("install_as_fastapi",),
    "_body_limit": (),
    "_cache": ("ResponseCache",),
    "_compat": (),
    "_form_limits": (),
    "applications": ("FastAPI", "TurboAPI"),
    "background": ("BackgroundTasks",),
    "concurrency": (),
    "datastructures": ("UploadFile",),
    "dependencies": (),
    "encoders": (),
    "exception_handlers": (),
    "exceptions": ("HTTPException", "WebSocketException"),
    "logger": (),
    "middleware": (),
    "openapi": (),
    "param_functions": (
        "Body",
        "Cookie",
        "Depends",
        "File",
        "Form",
        "Header",
        "Path",
        "Query",
        "Security",
    ),
    "params": (),
    "requests": ("Request",),
    "responses": ("Response",),
    "routing": ("APIRouter",),
    "security": (),
    "sse": (),
    "starlette.status": (),
    "telemetry": (),
    "types": (),
    "utils": (),
    "websockets": ("WebSocket", "WebSocketDisconnect"),
}

__all__ = [
    "APIRouter",
    "BackgroundTasks",
    "Body",
    "Cookie",
    "Depends",
    "FastAPI",
    "File",
    "Form",
    "HTTPException",
    "Header",
    "Path",
    "Query",
    "Request",
    "Response",
    "ResponseCache",
    "Security",
    "TurboAPI",
    "UploadFile",
    "WebSocket",
    "WebSocketDisconnect",
    "WebSocketException",
    "applications",
    "background",
    "concurrency",
    "datastructures",
    "dependencies",
    "encoders",
    "exception_handlers",
    "exceptions",
    "install_as_fastapi",
    "logger",
    "middleware",
    "openapi",
    "param_functions",
    "params",
    "requests",
    "responses",
    "routing",
    "run",
    "security",
    "sse",
    "status",
    "telemetry",
    "types",
    "utils",
    "websockets",
]

if not TYPE_CHECKING:  # Checkers must know which names there are.
    __getattr__ = late_attributes(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def run(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 8000, *, workers: int = 1, **options: Any
) -> None:
    """Serve any ASGI application with the native server until it is stopped.

    ``port`` 0 takes a free one. ``options`` are those of ``turboapi.server.run``.
    """
    from . import server

    server.run(app, host=host, port=port, workers=workers, **options)
