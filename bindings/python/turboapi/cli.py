"""The console script: ``turboapi run module:app``."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any


class UsageError(Exception):
    """The command line names something that is not there."""


def load(target: str) -> Any:
    """The object that ``module:attribute`` names; the attribute defaults to ``app``."""
    module_name, _, attribute = target.partition(":")
    if not module_name:
        raise UsageError(f"'{target}' names no module: write module:app")
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not (module_name + ".").startswith(exc.name + "."):
            raise
        raise UsageError(f"there is no module '{module_name}'") from exc
    for name in (attribute or "app").split("."):
        try:
            found = getattr(found, name)
        except AttributeError as exc:
            raise UsageError(f"module '{module_name}' has no '{attribute or 'app'}'") from exc
    if not callable(found):
        raise UsageError(f"'{target}' is no ASGI application")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="turboapi", description="Serves FastAPI-style and other ASGI applications."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve an application")
    run.add_argument("target", help="module:application")
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    run.add_argument("--port", type=int, default=8000, help="0: a free one (%(default)s)")
    place = run.add_mutually_exclusive_group()
    place.add_argument("--uds", metavar="PATH", help="listen on a unix socket instead")
    place.add_argument(
        "--fd", type=int, help="listen on an inherited socket instead (3: systemd's first)"
    )
    run.add_argument(
        "--forwarded-allow-ips",
        metavar="LIST",
        default=None,
        help="addresses and networks of trusted proxies, 'unix', or '*' for everybody"
        " ($FORWARDED_ALLOW_IPS, or none)",
    )
    run.add_argument(
        "--proxy-headers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="believe X-Forwarded-* of trusted proxies",
    )
    run.add_argument(
        "--proxy-protocol",
        action="store_true",
        help="connections of trusted proxies begin with a PROXY header",
    )
    run.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    run.add_argument(
        "--threads",
        type=int,
        default=None,
        help="event loops in each process (1 with a GIL, one for each core without)",
    )
    run.add_argument("--lifespan", choices=("auto", "on", "off"), default="auto")
    run.add_argument("--root-path", default="", help="prefix that a proxy strips")
    run.add_argument(
        "--grace", type=float, default=30.0, help="seconds for requests in flight on a stop"
    )
    run.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="log each answer as turboapi.access",
    )
    run.add_argument(
        "--metrics",
        metavar="PATH",
        default=None,
        help="answer PATH, such as /metrics, with counters in Prometheus' text format",
    )
    run.add_argument(
        "--as-fastapi",
        action="store_true",
        help="let 'import fastapi' in the application mean turboapi",
    )
    routes = commands.add_parser("routes", help="list an application's routes and how each is run")
    routes.add_argument("target", help="module:application")
    routes.add_argument("--as-fastapi", action="store_true")
    return parser


def _trusted_proxies(arguments: argparse.Namespace) -> str | None:
    given: str | None = arguments.forwarded_allow_ips
    return given if given is not None else os.environ.get("FORWARDED_ALLOW_IPS")


def _run(arguments: argparse.Namespace) -> None:
    from . import server

    options = {
        "uds": arguments.uds,
        "fd": arguments.fd,
        "trusted_proxies": _trusted_proxies(arguments),
        "forwarding": "x-forwarded" if arguments.proxy_headers else "none",
        "proxy_protocol": arguments.proxy_protocol,
        "threads": arguments.threads,
        "lifespan": arguments.lifespan,
        "root_path": arguments.root_path,
        "grace": arguments.grace,
        "access_log": arguments.access_log,
        "metrics_path": arguments.metrics,
    }
    if arguments.workers > 1:
        server.run_workers(
            lambda: load(arguments.target),
            arguments.host,
            arguments.port,
            arguments.workers,
            **options,
        )
        return
    app = load(arguments.target)
    server.run(app, arguments.host, arguments.port, **options)


def _routes(arguments: argparse.Namespace) -> None:
    from .applications import TurboAPI

    app = load(arguments.target)
    if not isinstance(app, TurboAPI):
        raise UsageError(
            f"'{arguments.target}' is no turboapi application: all of it is hosted over ASGI"
        )
    whole = app.native_ready()
    if whole is not None:
        print(f"Python executor for every route: {whole}")
    for entry in app.native_routes():
        methods = ",".join(entry.methods) if entry.methods else "*"
        if whole is None and entry.plan is not None and entry.plan.reason is None:
            how = "native"
        elif entry.plan is not None and entry.plan.reason is not None:
            how = f"Python executor: {entry.plan.reason}"
        else:
            how = type(entry.route).__name__
        print(f"{methods:<16} {entry.path:<40} {how}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    if arguments.as_fastapi:
        from . import install_as_fastapi

        install_as_fastapi()
    from ._loop import LifespanError
    from ._native import TurboError

    try:
        if arguments.command == "run":
            _run(arguments)
        else:
            _routes(arguments)
    except UsageError as exc:
        print(f"turboapi: {exc}", file=sys.stderr)
        return 2
    except LifespanError as exc:  # its reason has been logged
        print(f"turboapi: {exc}", file=sys.stderr)
        return 3
    except (OSError, TurboError) as exc:
        print(f"turboapi: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
