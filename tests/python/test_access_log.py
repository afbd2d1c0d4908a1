"""The access log and the metrics route of the live server."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Client
from turboapi import TurboAPI
from turboapi.server import Server

Serve = Callable[..., Server]


def application() -> TurboAPI:
    app = TurboAPI()

    @app.get("/plain/{name}")
    def plain(name: str):
        return name

    @app.get("/coroutine")
    async def coroutine():
        return {}

    return app


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logger = logging.getLogger("turboapi.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_each_answer_is_a_line_with_uvicorns_arguments(kept: Kept) -> None:
    with Server(application(), port=0, access_log=True) as server:
        client = Client(server.port)
        assert client.get("/plain/a?b=%20c").status == 200
        assert client.get("/coroutine").status == 200
        assert client.get("/nowhere").status == 404
        peer = f"127.0.0.1:{client.connection.sock.getsockname()[1]}"
        client.connection.close()
    assert [record.args for record in kept.records] == [
        (peer, "GET", "/plain/a?b=%20c", "1.1", 200),
        (peer, "GET", "/coroutine", "1.1", 200),
        (peer, "GET", "/nowhere", "1.1", 404),
    ]
    assert kept.records[0].getMessage() == f'{peer} - "GET /plain/a?b=%20c HTTP/1.1" 200'
    assert {record.levelno for record in kept.records} == {logging.INFO}


def test_all_is_logged_before_a_stop_ends(kept: Kept) -> None:
    def ask(port: int) -> None:
        client = Client(port)
        for i in range(300):
            assert client.get(f"/plain/{i}").status == 200
        client.connection.close()

    with Server(application(), port=0, access_log=True) as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        dropped = server.metrics()["access_dropped"]
    assert len(kept.records) + dropped == 1200


def test_no_request_ends_the_log(kept: Kept) -> None:
    targets = [b"/?a=\x85", b"/?a=\xe9\xa0", b"/?a=%0A%0B%85", b"/coroutine"]
    with Server(application(), port=0, access_log=True) as server:
        for target in targets:
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                request = b"GET %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
                connection.sendall(request % target)
                while connection.recv(4096):
                    pass
    # Several event loops may hand over their records in any order.
    logged = {record.args[2] for record in kept.records if isinstance(record.args, tuple)}
    assert len(kept.records) == len(targets)
    assert logged == {target.decode("latin-1") for target in targets}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_failing_filter_keeps_the_server_neither_from_answering_nor_from_stopping(
    kept: Kept, capsys: pytest.CaptureFixture[str], error: type[BaseException]
) -> None:
    class Failing(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise error("a filter failed")

    failing = Failing()
    logging.getLogger("turboapi.access").addFilter(failing)
    try:
        with Server(application(), port=0, access_log=True) as server:
            client = Client(server.port)
            for _ in range(200):  # more than the queue holds
                assert client.get("/nowhere?" + "x" * 1000).status == 404
            client.connection.close()
    finally:
        logging.getLogger("turboapi.access").removeFilter(failing)
    assert kept.records == []
    if error is ValueError:
        assert capsys.readouterr().err.count("ValueError: a filter failed") == 200


def test_a_unix_client_has_no_address(kept: Kept, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with Server(application(), uds=path, access_log=True), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"GET /plain/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        while client.recv(4096):
            pass
    assert [record.args for record in kept.records] == [("", "GET", "/plain/x", "1.1", 200)]


def test_it_is_off_by_default(kept: Kept, serve: Serve) -> None:
    client = Client(serve(application()).port)
    assert client.get("/coroutine").status == 200
    client.connection.close()
    assert not any(thread.name == "turboapi-access" for thread in threading.enumerate())
    assert kept.records == []


def test_a_server_that_cannot_start_leaves_no_thread(serve: Serve) -> None:
    used = serve(application()).port
    with pytest.raises(OSError):
        Server(application(), port=used, access_log=True).start()
    assert not any(thread.name == "turboapi-access" for thread in threading.enumerate())


UNCONFIGURED = """
import urllib.request
from turboapi import TurboAPI
from turboapi.server import Server
app = TurboAPI()
@app.get("/")
def hello():
    return "hello"
with Server(app, port=0, access_log=True) as server:
    urllib.request.urlopen(server.url + "/").read()
"""


def test_without_any_logging_lines_go_to_standard_output() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCONFIGURED], capture_output=True, text=True, check=True
    )
    line = done.stdout.splitlines()[-1]
    assert line.startswith("INFO: 127.0.0.1:") and line.endswith('- "GET / HTTP/1.1" 200')
    assert done.stderr == ""


def test_metrics_are_a_route_where_they_are_asked_for(serve: Serve) -> None:
    server = serve(application(), metrics_path="/metrics")
    client = Client(server.port)
    assert client.get("/plain/a").status == 200
    answer = client.get("/metrics")
    assert answer.status == 200
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    line = 'turbo_http_requests_total{route="/plain/{name}",method="GET",status="200"} 1'
    assert line in answer.body.decode().splitlines()
    client.connection.close()


def test_metrics_shadow_nothing_unless_asked_for(serve: Serve) -> None:
    app = application()

    @app.get("/metrics")
    def metrics():
        return "mine"

    client = Client(serve(app).port)
    assert client.get("/metrics").json() == "mine"
    client.connection.close()
    client = Client(serve(app, metrics_path="/metrics").port)
    assert client.get("/metrics").body.startswith(b"# HELP turbo_http_requests_total ")
    client.connection.close()


def test_metrics_have_every_counter(serve: Serve) -> None:
    server = serve(application())
    client = Client(server.port)
    assert client.get("/coroutine").status == 200
    client.connection.close()
    metrics = server.metrics()
    assert metrics["requests"] == sum(metrics["responses"]) == 1
    assert (metrics["in_flight"], metrics["refused_heads"], metrics["bad_proxies"]) == (0, 0, 0)
