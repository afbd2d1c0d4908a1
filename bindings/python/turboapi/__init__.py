"""A FastAPI-compatible framework on top of libturbo.

Importing this package loads no native code; ``TurboAPI.run`` and ``turboapi run`` do.
"""

from typing import Any

from starlette import status as status
from starlette.types import ASGIApp

from ._alias import install_as_fastapi as install_as_fastapi
from ._version import __version__ as __version__
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


def run(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 8000, *, workers: int = 1, **options: Any
) -> None:
    """Serve any ASGI application with the native server until it is stopped.

    ``port`` 0 takes a free one. ``options`` are those of ``turboapi.server.run``.
    """
    from . import server

    server.run(app, host=host, port=port, workers=workers, **options)
