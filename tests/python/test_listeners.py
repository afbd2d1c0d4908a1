"""Where a server listens, and whose word about the client it believes."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Client
from turboapi import Request, TurboAPI
from turboapi.server import Server

Serve = Callable[..., Server]


def application() -> TurboAPI:
    app = TurboAPI()

    @app.get("/who")
    async def who(request: Request):
        return {
            "client": request.scope["client"],
            "server": request.scope["server"],
            "scheme": request.url.scheme,
            "pid": os.getpid(),
        }

    return app


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def who(connection: http.client.HTTPConnection, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", "/who", headers=named)
    return json.loads(connection.getresponse().read())


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket file may be made; short, whatever the temporary folder of the tests is."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "s"


# --- listeners -----------------------------------------------------------------------------------


def test_ipv6(serve: Serve) -> None:
    server = serve(application(), host="::1")
    assert server.url == f"http://[::1]:{server.port}"
    connection = http.client.HTTPConnection("::1", server.port)
    seen = who(connection)
    assert seen["client"] == ["::1", connection.sock.getsockname()[1]]
    assert seen["server"] == ["::1", server.port]
    connection.close()


def test_a_unix_socket(path: Path) -> None:
    with Server(application(), uds=str(path)) as server:
        assert server.url == f"unix:{path}"
        assert (server.host, server.port) == ("", 0)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        connection = UnixConnection(path)
        seen = who(connection)
        assert (seen["client"], seen["server"]) == (None, None)
        connection.close()
    assert not path.exists()


def test_the_mode_of_a_unix_socket(path: Path) -> None:
    with Server(application(), uds=str(path), uds_mode=0o600):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_unix_socket_that_cannot_be_made() -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        Server(application(), uds="/nowhere/at/all").start()
    with pytest.raises(OSError, match="at most 107"):
        Server(application(), uds="/tmp/" + "x" * 103).start()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_an_inherited_socket(serve: Serve, path: Path, family: socket.AddressFamily) -> None:
    listener = socket.socket(family)
    listener.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(path))
    listener.listen()
    with listener:
        server = serve(application(), fd=listener.fileno())
        connection: http.client.HTTPConnection
        if family == socket.AF_INET:
            assert server.url == f"http://127.0.0.1:{listener.getsockname()[1]}"
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            assert who(connection)["server"] == ["127.0.0.1", server.port]
        else:
            assert server.url == f"unix:{path}"
            connection = UnixConnection(path)
            assert who(connection)["client"] is None
        connection.close()
        assert listener.fileno() > 0  # still the caller's


# --- proxies -------------------------------------------------------------------------------------


def test_nobody_is_believed_by_default(serve: Serve) -> None:
    client = Client(serve(application()).port)
    seen = client.get("/who", x_forwarded_for="192.0.2.1", x_forwarded_proto="https").json()
    assert (seen["client"][0], seen["scheme"]) == ("127.0.0.1", "http")
    client.connection.close()


@pytest.mark.parametrize("proxies", ["127.0.0.1", ["10.0.0.0/8", "127.0.0.1"], "*"])
def test_trusted_proxies_are_believed(serve: Serve, proxies: str | list[str]) -> None:
    client = Client(serve(application(), trusted_proxies=proxies).port)
    seen = client.get("/who", x_forwarded_for="192.0.2.1", x_forwarded_proto="https").json()
    assert (seen["client"], seen["scheme"]) == (["192.0.2.1", 0], "https")
    # Forwarded is another proxy's habit; ours lets through what the client sent.
    seen = client.get("/who", forwarded="for=192.0.2.9").json()
    assert seen["client"][0] == "127.0.0.1"
    client.connection.close()


@pytest.mark.parametrize(
    ("forwarding", "seen"),
    [
        ("both", "192.0.2.9"),
        ("forwarded", "192.0.2.9"),
        ("x-forwarded", "192.0.2.1"),
        ("none", "127.0.0.1"),
    ],
)
def test_the_kind_of_headers_can_be_chosen(serve: Serve, forwarding: str, seen: str) -> None:
    server = serve(application(), trusted_proxies="127.0.0.1", forwarding=forwarding)
    client = Client(server.port)
    headers = {"forwarded": "for=192.0.2.9", "x_forwarded_for": "192.0.2.1"}
    assert client.get("/who", **headers).json()["client"][0] == seen
    client.connection.close()


def test_a_bad_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.1/8' has bits set behind its prefix"):
        Server(application(), port=0, trusted_proxies=["127.0.0.1", "10.0.0.1/8"]).start()


def test_a_proxy_header(serve: Serve) -> None:
    server = serve(application(), trusted_proxies="127.0.0.1", proxy_protocol=True)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"PROXY TCP4 192.0.2.1 198.51.100.2 5 443\r\n"
            b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while part := connection.recv(4096):
            answer += part
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (seen["client"], seen["server"]) == (["192.0.2.1", 5], ["198.51.100.2", 443])


# --- the command ---------------------------------------------------------------------------------

MAIN = """
import os
from turboapi import Request, TurboAPI

app = TurboAPI()

@app.get("/who")
async def who(request: Request):
    return {"client": request.scope["client"], "scheme": request.url.scheme, "pid": os.getpid()}
"""


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs the command for the application above; returns once it announced where it serves."""
    (tmp_path / "main.py").write_text(MAIN)
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **how: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "turboapi", "run", "main:app", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
            **how,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()  # a supervisor that is killed leaves its workers behind
        process.communicate()


def announced(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_command_listens_on_a_unix_socket(
    command: Callable[..., subprocess.Popen[str]], path: Path, workers: str
) -> None:
    process = command("--uds", str(path), "--workers", workers, "--forwarded-allow-ips", "unix")
    assert f"unix:{path}" in announced(process)
    connections = [UnixConnection(path) for _ in range(20)]
    for connection in connections:
        seen = who(connection, x_forwarded_for="192.0.2.1", x_forwarded_proto="https")
        assert (seen["client"], seen["scheme"]) == (["192.0.2.1", 0], "https")
        connection.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert not path.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_command_takes_an_inherited_socket(
    command: Callable[..., subprocess.Popen[str]], workers: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        process = command("--fd", str(fd), "--workers", workers, pass_fds=[fd])
        assert f"http://127.0.0.1:{port} " in announced(process)
        client = Client(port)
        assert client.get("/who").json()["client"][0] == "127.0.0.1"
        client.connection.close()


@pytest.mark.parametrize(
    ("arguments", "environment", "seen"),
    [
        ([], {}, "127.0.0.1"),
        ([], {"FORWARDED_ALLOW_IPS": "127.0.0.1"}, "192.0.2.1"),
        (["--forwarded-allow-ips", "10.0.0.1"], {"FORWARDED_ALLOW_IPS": "*"}, "127.0.0.1"),
        (["--forwarded-allow-ips", "*"], {}, "192.0.2.1"),
        (["--forwarded-allow-ips", "*", "--no-proxy-headers"], {}, "127.0.0.1"),
    ],
)
def test_the_command_is_told_whom_to_believe(
    command: Callable[..., subprocess.Popen[str]],
    arguments: list[str],
    environment: dict[str, str],
    seen: str,
) -> None:
    process = command("--port", "0", *arguments, env={**os.environ, **environment})
    port = int(announced(process).split("127.0.0.1:")[1].split()[0])
    client = Client(port)
    assert client.get("/who", x_forwarded_for="192.0.2.1").json()["client"][0] == seen
    client.connection.close()


def test_the_command_names_a_bad_network(command: Callable[..., subprocess.Popen[str]]) -> None:
    process = command("--port", "0", "--forwarded-allow-ips", "nginx", stderr=subprocess.PIPE)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "'nginx' is no IP address" in errors
