"""One application, three ways in: the live server, ASGI and Starlette's TestClient agree."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from conftest import Client
from starlette.testclient import TestClient
from test_native_executor import REQUESTS, make_app

Connect = Callable[..., Client]


def sends_as_it_is(url: str, path: str, headers: dict[str, str]) -> bool:
    """Whether the test client leaves path and headers alone; some spellings it refuses or mends."""
    if not all(value.isascii() for value in headers.values()):
        return False
    try:
        return httpx2.URL(url).raw_path == path.encode()
    except (httpx2.InvalidURL, UnicodeError):
        return False


def test_the_test_client_gets_what_the_server_sends(connect: Connect) -> None:
    app = make_app()
    live = connect(app)
    base = f"http://127.0.0.1:{live.connection.port}"
    # What a client adds by itself must not differ: handlers may answer with it.
    plain = {"accept-encoding": "identity"}
    options = {"follow_redirects": False, "raise_server_exceptions": False}
    compared = 0
    with TestClient(app, base_url=base, **options) as client:
        for name in list(client.headers):
            del client.headers[name]
        for method, path, headers, body in REQUESTS:
            if not sends_as_it_is(base + path, path, headers):
                continue
            compared += 1
            ours = live.request(method, path, headers={**plain, **headers}, body=body)
            theirs = client.request(method, base + path, headers={**plain, **headers}, content=body)
            fields = [pair for pair in ours.headers if pair[0] not in ("date", "server")]
            assert (ours.status, sorted(fields), ours.body) == (
                theirs.status_code,
                sorted(theirs.headers.multi_items()),
                theirs.content,
            ), (method, path, headers, body)
    assert compared > len(REQUESTS) * 0.8
