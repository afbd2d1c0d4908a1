# SPDX-License-Identifier: MIT
"""What a user does: install, compile each example with its documented command, run it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ["TURBO_SOURCE"])
MESON = os.environ["TURBO_MESON"]
EXAMPLES = SOURCE / "bindings" / "c-examples"


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def setup(build: Path, source: Path, *flags: str, **options: object) -> str:
    return run(MESON, "setup", build, source, *flags, **options)


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, built and installed as a user would."""
    root = tmp_path_factory.mktemp("install")
    place = root / "prefix"
    setup(
        root / "build",
        SOURCE,
        f"--prefix={place}",
        "--libdir=lib",
        "-Dtests=false",
        "-Dexamples=false",
    )
    run(MESON, "install", "-C", root / "build", "--quiet")
    return place


@pytest.fixture(scope="session")
def environment(prefix: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig"),
        "LD_LIBRARY_PATH": str(prefix / "lib"),
    }


@pytest.fixture
def build(environment: dict[str, str], tmp_path: Path):
    """Runs the command in the first line of an example, in a copy of the examples' folder."""
    for path in EXAMPLES.glob("*.c"):
        shutil.copy(path, tmp_path)

    def compile_example(name: str) -> Path:
        command = documented_command(EXAMPLES / f"{name}.c")
        run("sh", "-c", f"{command} -Wall -Wextra -Werror", cwd=tmp_path, env=environment)
        return tmp_path

    return compile_example


def documented_command(path: Path) -> str:
    found = re.fullmatch(r"/\* (cc .*) \*/", path.read_text().splitlines()[0])
    assert found, f"{path} does not start with its command"
    return found[1]


class Running:
    """An example at work. Its first line of output is its URL."""

    def __init__(
        self, folder: Path, environment: dict[str, str], name: str, *arguments: str
    ) -> None:
        self.process = subprocess.Popen(
            [f"./{name}", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        url = self.process.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/\S*)\n", url)
        assert found, f"{name} printed {url!r}"
        self.port, self.path = int(found[1]), found[2]

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def ask(self, target: str = "", body: str = "", content_type: str = "text/plain") -> str:
        """One request on a connection of its own; the whole answer."""
        method = "POST" if body else "GET"
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            head = f"{method} {target or self.path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
            head += f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(f"{head}{body}".encode())
            return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()

    def terminate(self) -> str:
        """Sends SIGTERM; the rest of the output of a program that handles it."""
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate()
        assert self.process.returncode == 0
        return rest


def test_hello(build, environment) -> None:
    assert len((EXAMPLES / "hello.c").read_text().splitlines()) <= 25
    with Running(build("hello"), environment, "hello") as hello:
        answer = hello.ask()
        assert answer.startswith("HTTP/1.1 200 OK\r\n") and answer.endswith("\r\n\r\nHello World\n")


def test_port_argument(build, environment) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Running(build("hello"), environment, "hello", str(port)) as hello:
        assert hello.port == port


def test_json_echo(build, environment) -> None:
    with Running(build("json_echo"), environment, "json_echo") as echo:
        assert echo.ask(body='{"a": [1, 2]}').endswith('\r\n\r\n{"echo":{"a":[1,2]},"members":1}')
        assert echo.ask(body='{"a":').startswith("HTTP/1.1 400 ")


def test_handler_in_a_shared_object(build, environment) -> None:
    folder = build("handler")
    needed = run("readelf", "-d", folder / "libhandler.so")
    assert "libturbo" not in needed
    build("plugin_host")
    with Running(folder, environment, "plugin_host") as host:
        answer = host.ask()
        assert answer.endswith('\r\n\r\n{"message":"Hello from C"}')
        assert "\r\nx-handler: native\r\n" in answer
        assert host.ask("/fast/Ada").endswith('{"message":"Hello from C","name":"Ada"}')
        assert host.ask(body="back again").endswith("\r\n\r\nback again")


def test_streaming(build, environment) -> None:
    with Running(build("streaming"), environment, "streaming") as streaming:
        answer = streaming.ask("/count?to=200000")
        assert "\r\ntransfer-encoding: chunked\r\n" in answer.lower()
        body = answer.split("\r\n\r\n", 1)[1]
        parts = body.split("\r\n")
        text = "".join(parts[1::2])
        assert text.split() == [str(n) for n in range(1, 200_001)]


def test_observed(build, environment) -> None:
    with Running(build("observed"), environment, "observed") as observed:
        observed.ask()
        text = observed.ask("/metrics")
        line = 'turbo_http_requests_total{route="/",method="GET",status="200"} 1'
        assert line in text.splitlines()
        log = observed.terminate()
    wanted = r'127\.0\.0\.1 - - \[.*\] "GET %s HTTP/1\.1" 200 \d+ "-" "-"\n'
    assert re.fullmatch(wanted % "/" + wanted % "/metrics", log)


def test_upload(build, environment, tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    disposition = "--B\r\nContent-Disposition: form-data; name="
    form = f"{disposition}note\r\n\r\nhello\r\n"
    form += f"{disposition}a; filename=small\r\n\r\n{'a' * 1000}\r\n"
    form += f"{disposition}b; filename=large\r\n\r\n{'b' * 2_000_000}\r\n--B--\r\n"
    kind = "multipart/form-data; boundary=B"
    with Running(build("upload"), {**environment, "TMPDIR": str(place)}, "upload") as upload:
        assert upload.ask(body=form, content_type=kind).endswith(
            "\r\n\r\nnote: field , 5 bytes\na: file in memory small, 1000 bytes\n"
            "b: file on disk large, 2000000 bytes\n"
        )
        assert upload.ask(body=form[:-10], content_type=kind).startswith("HTTP/1.1 400 ")
        assert upload.ask(body=form).startswith("HTTP/1.1 415 ")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["embedding_thread", "embedding_loop"])
def test_embedding(build, environment, name: str) -> None:
    with Running(build(name), environment, name) as program:
        for number in (1, 2, 3):
            assert program.ask().endswith(f"\r\n\r\njob {number}\n")
        assert program.terminate() == "3 jobs done\n"


def test_installed_files(prefix: Path) -> None:
    library = prefix / "lib" / "libturbo.so"
    assert library.resolve().name == "libturbo.so.0"
    headers = {path.name for path in (prefix / "include" / "turbo").iterdir()}
    assert {"turbo.h", "plugin.h", "errors.def", "version.h"} <= headers


def test_consumer_of_the_installed_library(environment, tmp_path: Path) -> None:
    source = Path(__file__).parent / "consumer"
    setup(tmp_path / "build", source, "--wrap-mode=nofallback", env=environment)
    run("ninja", "-C", tmp_path / "build", env=environment)
    assert run(tmp_path / "build" / "consumer", env=environment).strip()


def test_consumer_with_a_subproject(tmp_path: Path) -> None:
    project = tmp_path / "consumer"
    shutil.copytree(Path(__file__).parent / "consumer", project)
    library = project / "subprojects" / "turbo"
    library.mkdir(parents=True)
    for name in ("meson.build", "meson_options.txt", "include", "libturbo", "pkgconfig"):
        (library / name).symlink_to(SOURCE / name)
    setup(tmp_path / "build", project, "--wrap-mode=forcefallback")
    run("ninja", "-C", tmp_path / "build", "-j2")
    assert run(tmp_path / "build" / "consumer").strip()


def test_missing_http_parser_names_the_package(tmp_path: Path) -> None:
    compiler = tmp_path / "cc-without-http-parser"
    compiler.write_text(
        '#!/bin/sh\nfor word in "$@"; do\n  case $word in\n'
        '    *.c) grep -q http_parser.h "$word" && exit 1 ;;\n  esac\ndone\nexec cc "$@"\n'
    )
    compiler.chmod(0o755)
    done = subprocess.run(
        [MESON, "setup", str(tmp_path / "build"), str(SOURCE), "-Dtests=false"],
        capture_output=True,
        text=True,
        env={**os.environ, "CC": str(compiler)},
    )
    assert done.returncode != 0
    assert "http-parser was not found: install the package libhttp-parser-dev" in done.stdout
