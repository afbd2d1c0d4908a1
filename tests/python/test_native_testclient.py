"""One application, three ways in: the live server, ASGI and Starlette's TestClient agree."""

from __future__ import annotations

from collections.abc import Callable

from conftest import Client
from starlette.testclient import TestClient
from test_native_executor import REQUESTS, make_app

Connect = Callable[..., Client]


def test_the_test_client_gets_what_the_server_sends(connect: Connect) -> None:
    app = make_app()
    live = connect(app)
    base = f"http://127.0.0.1:{live.connection.port}"
    # What a client adds by itself must not differ: handlers may answer with it.
    plain = {"accept-encoding": "identity"}
    options = {"follow_redirects": False, "raise_server_exceptions": False}
    with TestClient(app, base_url=base, **options) as client:
        for name in list(client.headers):
            del client.headers[name]
        for method, path, headers, body in REQUESTS:
            ours = live.request(method, path, headers={**plain, **headers}, body=body)
            theirs = client.request(method, base + path, headers={**plain, **headers}, content=body)
            fields = [pair for pair in ours.headers if pair[0] not in ("date", "server")]
            assert (ours.status, sorted(fields), ours.body) == (
                theirs.status_code,
                sorted(theirs.headers.multi_items()),
                theirs.content,
            ), (method, path, headers, body)
