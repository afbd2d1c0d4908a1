# SPDX-License-Identifier: MIT
"""The server under test as a process: commands in, events out."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from client import Client

DESCRIPTORS = 8192


FAILED = pytest.StashKey[bool]()


class Server:
    """A running wire server. Its events are kept in order; nothing here looks at a clock."""

    def __init__(
        self, *options: str, launcher: Sequence[str] = (), pass_fds: Sequence[int] = ()
    ) -> None:
        """`launcher` is a command that executes the rest of its arguments, and so is WIRE_LAUNCHER."""
        tool = shlex.split(os.environ.get("WIRE_LAUNCHER", ""))
        command = [*launcher, *tool, os.environ["WIRE_SERVER"], *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=pass_fds
        )
        self.events: list[str] = []
        self.seen = 0
        self.ports: list[int] = []
        count = int(options[options.index("--servers") + 1]) if "--servers" in options else 1
        for _ in range(count):
            self.ports.append(int(self.wait("listening").split()[2]))

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self, **options: int) -> Client:
        return Client(self.port, **options)

    def command(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def do(self, command: str, tag: str, argument: str = "") -> str:
        """Runs a command about a held answer; returns the name of its result."""
        self.command(f"{command} {tag} {argument}".rstrip())
        return self.wait(f"did {command} {tag}").split()[3]

    def wait(self, start: str) -> str:
        """The next event not waited for yet that starts with the words of `start`."""
        for at, event in enumerate(self.events):
            if _starts(event, start):
                return self.events.pop(at)
        while True:
            event = self._read_event()
            if _starts(event, start):
                return event
            self.events.append(event)

    def metrics(self) -> dict[str, int]:
        self.command("metrics 0")
        pairs = (pair.split("=") for pair in self.wait("metrics").split()[1:])
        return {name: int(value) for name, value in pairs}

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def end(self) -> list[str]:
        """Ends the process in good order; returns the events that nobody waited for."""
        if self.process.returncode is None:
            assert self.process.stdin is not None and self.process.stdout is not None
            self.process.stdin.close()
            self.events += self.process.stdout.read().splitlines()
            self.process.stdout.close()
            self.process.wait()
        assert self.process.returncode == 0, f"the server ended with {self.process.returncode}"
        return self.events

    def _read_event(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server ended with {self.process.wait()}; events: {self.events}"
        return line.rstrip("\n")


def _starts(event: str, start: str) -> bool:
    words = start.split()
    return event.split()[: len(words)] == words


@pytest.fixture(autouse=True, scope="session")
def many_descriptors() -> None:
    """Some tests hold a thousand connections; the server inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":  # type: ignore[attr-defined]
        item.stash[FAILED] = report.failed  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Starts servers; each must end with status 0, which under a sanitizer means no finding.

    After a failed test they are killed: what the test left pending would be waited for.
    """
    servers: list[Server] = []

    def start(*options: str, **how: Sequence[Any]) -> Server:
        servers.append(Server(*options, **how))
        return servers[-1]

    yield start
    for server in servers:
        if request.node.stash.get(FAILED, True):
            server.process.kill()
            server.process.wait()
        else:
            server.end()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    """One server with default options."""
    return serve()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as made:
        yield made
