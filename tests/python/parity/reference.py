"""Serves the applications on FastAPI and uvicorn: ``python -m parity.reference SPEC...``.

Prints one JSON line: the port of each application and the versions it runs on. Ends when its
standard input does.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import sys
import threading

import uvicorn

from parity.about import versions
from parity.loading import load_app


def serve(spec: str) -> int:
    """Starts one server on a thread of its own and returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(load_app(spec, "fastapi"), log_level="critical", http="httptools")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    return int(listener.getsockname()[1])


def main() -> None:
    ports = {spec: serve(spec) for spec in sys.argv[1:]}
    about = {**versions(), "fastapi": importlib.metadata.version("fastapi")}
    print(json.dumps({"ports": ports, "versions": about}), flush=True)
    sys.stdin.read()
    os._exit(0)  # the threads of the servers have nothing to finish


if __name__ == "__main__":
    main()
