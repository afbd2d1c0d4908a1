# SPDX-License-Identifier: MIT
"""Handlers from shared objects, and the errors of loading them."""

from __future__ import annotations

import os

import pytest

PLUGINS = os.environ.get("WIRE_PLUGINS", "")


def path(name: str) -> str:
    return f"{PLUGINS}/plugin_{name}.so"


def test_a_handler_gets_everything_and_answers(serve) -> None:
    server = serve("--plugin", f"/p/{{x}} {path('good')} handle_request setting")
    assert server.wait("plugin").split()[2] == "TURBO_OK"
    with server.client() as client:
        answer = client.request("POST", "/p/a%20b?q=1", b"the body", x_in="in")
        assert answer.status == 202
        assert answer.get("x-out") == "plugin"
        assert answer.body == b"setting|POST|/p/a b|in|1|the body"
        assert client.get("/p/1").body == b"setting|GET|/p/1|-|-|"


@pytest.mark.parametrize(
    ("file", "symbol", "config", "error", "words"),
    [
        ("missing", "handle_request", "", "TURBO_EPLUGIN", ["plugin_missing.so"]),
        ("good", "no_such_symbol", "", "TURBO_ESYMBOL", ["no_such_symbol", "plugin_good.so"]),
        ("good", "handle_request", "refuse", "TURBO_EPLUGIN", ["plugin_good.so"]),
        ("no_descriptor", "handle_request", "", "TURBO_EABI", ["plugin_no_descriptor.so"]),
        ("other_magic", "handle_request", "", "TURBO_EABI", ["plugin_other_magic.so"]),
        ("newer_major", "handle_request", "", "TURBO_EABI", ["plugin_newer_major.so", "2", "1"]),
        (
            "newer_minor",
            "handle_request",
            "",
            "TURBO_EABI",
            ["plugin_newer_minor.so", "1.2", "1.1"],
        ),
    ],
)
def test_errors_name_the_file_and_leave_nothing_behind(
    serve, file: str, symbol: str, config: str, error: str, words: list[str]
) -> None:
    server = serve("--plugin", f"/p {path(file)} {symbol} {config}".rstrip())
    event = server.wait("plugin")
    assert event.split()[2] == error
    for word in words:
        assert word in event.split(" ", 3)[3]
    with open(f"/proc/{server.pid}/maps") as maps:
        assert f"plugin_{file}.so" not in maps.read()
    with server.client() as client:
        assert client.get("/p").status == 404
        assert client.get("/").body == b"hello"


def test_a_file_that_is_no_shared_object(serve, tmp_path) -> None:
    (tmp_path / "plugin_text.so").write_text("not a shared object")
    server = serve("--plugin", f"/p {tmp_path}/plugin_text.so handle_request")
    event = server.wait("plugin")
    assert event.split()[2] == "TURBO_EPLUGIN" and "plugin_text.so" in event
