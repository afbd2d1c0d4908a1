# SPDX-License-Identifier: MIT
"""Where a server listens: IPv6, unix sockets, inherited descriptors."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Server

from client import Client, message

Serve = Callable[..., Server]

# Does what a service manager does: moves descriptors to 3 and up and names the process in the
# environment. Arguments: descriptors with commas, then the command.
PASS_ON = """
import os, sys
fds = [int(text) for text in sys.argv[1].split(",")]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("WRONG_PID", "0")))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket file may be made; short, whatever the temporary folder of the tests is."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "s"


def connect(path: Path) -> Client:
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(str(path))
    return Client.on(connected)


def described(client: Client, **headers: str) -> dict[str, object]:
    answer = client.get("/echo", **headers)
    assert answer.status == 200
    return json.loads(answer.body)


def stop(server: Server) -> None:
    server.command("stop 0")
    server.wait("stopped 0 TURBO_OK")


# --- TCP -----------------------------------------------------------------------------------------


def test_ipv6(serve: Serve) -> None:
    server = serve("--host", "::1", "--trusted_proxies", "::1/128")
    connected = socket.create_connection(("::1", server.port))
    with Client.on(connected) as client:
        seen = described(client)
        assert (seen["peer"], seen["peer_port"]) == ("::1", connected.getsockname()[1])
        assert (seen["local"], seen["local_port"]) == ("::1", server.port)
        assert described(client, x_forwarded_for="192.0.2.1")["peer"] == "192.0.2.1"


def test_ipv4_clients_of_an_ipv6_socket_have_ipv4_addresses(serve: Serve) -> None:
    """The address maps 127.0.0.1 into IPv6: as "::", but for this machine only."""
    server = serve("--host", "::ffff:127.0.0.1", "--trusted_proxies", "127.0.0.0/8")
    with server.client() as client:
        seen = described(client)
        assert (seen["peer"], seen["local"]) == ("127.0.0.1", "127.0.0.1")
        assert described(client, x_forwarded_for="192.0.2.1")["peer"] == "192.0.2.1"


# --- unix sockets --------------------------------------------------------------------------------


def test_unix_clients_have_no_address(serve: Serve, path: Path) -> None:
    serve("--unix", str(path))
    with connect(path) as client:
        seen = described(client, x_forwarded_for="192.0.2.1")
        assert (seen["peer"], seen["peer_port"]) == ("", 0)
        assert (seen["local"], seen["local_port"]) == ("", 0)
        assert (seen["socket_peer"], seen["socket_port"]) == ("", 0)


def test_unix_clients_can_be_trusted(serve: Serve, path: Path) -> None:
    serve("--unix", str(path), "--trusted_proxies", "unix", "--proxy_protocol", "1")
    with connect(path) as client:
        client.send(b"PROXY UNKNOWN\r\n")
        seen = described(client, x_forwarded_for="192.0.2.1:5")
        assert (seen["peer"], seen["peer_port"]) == ("192.0.2.1", 5)
    with connect(path) as client:
        client.send(b"PROXY TCP4 192.0.2.8 192.0.2.9 1 2\r\n")
        seen = described(client)
        assert (seen["peer"], seen["local"], seen["socket_peer"]) == ("192.0.2.8", "192.0.2.9", "")


@pytest.mark.parametrize(("option", "mode"), [((), 0o600), (("--mode", "666"), 0o666)])
def test_the_file_has_the_wanted_mode(
    serve: Serve, path: Path, option: tuple[str, ...], mode: int
) -> None:
    before = os.umask(0o027)
    try:
        serve("--unix", str(path), *option)
    finally:
        os.umask(before)
    made = path.lstat()
    assert stat.S_ISSOCK(made.st_mode) and stat.S_IMODE(made.st_mode) == mode


def test_the_file_is_gone_when_the_server_has_stopped(serve: Serve, path: Path) -> None:
    server = serve("--unix", str(path), "--workers", "2")
    assert path.is_socket()
    stop(server)
    assert not path.exists()


def test_the_file_of_a_killed_server_is_replaced(serve: Serve, path: Path) -> None:
    server = Server("--unix", str(path))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    assert path.is_socket()
    serve("--unix", str(path))
    with connect(path) as client:
        assert described(client)["path"] == "/echo"


def test_a_live_server_keeps_its_file(
    serve: Serve, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    serve("--unix", str(path))
    with pytest.raises(AssertionError, match="the server ended"):
        Server("--unix", str(path))
    assert "another server listens there" in capfd.readouterr().err
    with connect(path) as client:
        assert described(client)["path"] == "/echo"


def test_several_workers_share_a_unix_socket(serve: Serve, path: Path) -> None:
    server = serve("--unix", str(path), "--workers", "4")
    clients = [connect(path) for _ in range(200)]
    for client in clients:
        client.send(message("GET", "/echo"))
    for client in clients:
        assert client.read().status == 200
        client.close()
    assert server.metrics()["connections"] == 200


# --- inherited descriptors -----------------------------------------------------------------------


def tcp_listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_an_inherited_socket_is_served(serve: Serve) -> None:
    with tcp_listener() as listener:
        fd = listener.fileno()
        serve("--fd", str(fd), "--workers", "2", pass_fds=[fd])
        with Client(listener.getsockname()[1]) as client:
            assert described(client)["local_port"] == listener.getsockname()[1]


def test_an_inherited_unix_socket_is_served_and_its_file_stays(serve: Serve, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        fd = listener.fileno()
        server = serve("--fd", str(fd), pass_fds=[fd])
        with connect(path) as client:
            assert described(client)["peer"] == ""
        stop(server)
        assert path.is_socket()  # whoever made it removes it


def test_processes_share_an_inherited_socket(serve: Serve) -> None:
    """Any of them may get a connection, and one that stops leaves the others serving."""
    with tcp_listener() as listener:
        fd = listener.fileno()
        servers = [serve("--fd", str(fd), pass_fds=[fd]) for _ in range(3)]
        clients = [Client(listener.getsockname()[1]) for _ in range(60)]
        for client in clients:
            described(client)
            client.close()
        assert sum(server.metrics()["connections"] for server in servers) == 60
        stop(servers[0])
        stop(servers[1])
        with Client(listener.getsockname()[1]) as client:
            assert described(client)["path"] == "/echo"


def launch(serve: Serve, *sockets: socket.socket) -> Server:
    fds = [one.fileno() for one in sockets]
    launcher = [sys.executable, "-c", PASS_ON, ",".join(map(str, fds))]
    return serve("--env", "", launcher=launcher, pass_fds=fds)


def test_a_service_manager_passes_sockets(serve: Serve, path: Path) -> None:
    with tcp_listener() as first, socket.socket(socket.AF_UNIX) as second:
        second.bind(str(path))
        second.listen()
        launch(serve, first, second)
        with Client(first.getsockname()[1]) as client:
            assert described(client)["peer"] == "127.0.0.1"
        with connect(path) as client:
            assert described(client)["peer"] == ""


def test_sockets_for_another_process_are_not_taken(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG_PID", "1")
    with tcp_listener() as listener, pytest.raises(AssertionError, match="the server ended"):
        launch(Server, listener)
    assert "TURBO_ENOTFOUND: LISTEN_PID does not name this process" in capfd.readouterr().err


def test_without_a_service_manager_there_are_no_sockets(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="the server ended"):
        Server("--env", "")
    assert "TURBO_ENOTFOUND" in capfd.readouterr().err


def test_what_is_no_listening_socket_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with tcp_listener() as listener, socket.socket() as deaf:
        with pytest.raises(AssertionError, match="the server ended"):
            launch(Server, listener, deaf)
        assert "descriptor 4 is no listening socket" in capfd.readouterr().err
