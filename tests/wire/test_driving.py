# SPDX-License-Identifier: MIT
"""A server that its program drives: turbo_server_pollfd() and turbo_server_step()."""

from __future__ import annotations

import json

import pytest

from client import message, pattern


@pytest.fixture
def stepped(serve):
    return serve("--step", "1")


def test_requests_are_answered(stepped) -> None:
    with stepped.client() as client:
        for _ in range(50):
            assert client.get("/").body == b"hello"
        targets = [f"/echo/{i}" for i in range(100)]
        client.send(b"".join(message("GET", target) for target in targets))
        assert [json.loads(client.read().body)["path"] for _ in targets] == targets
        assert client.get("/big?size=5000000").body == pattern(5_000_000)
        assert client.request("POST", "/upload", pattern(1_000_000)).status == 200
        assert client.get("/stream?size=3000000").body == pattern(3_000_000)


def test_no_thread_is_needed_for_plain_requests(stepped) -> None:
    clients = [stepped.client() for _ in range(50)]
    for client in clients:
        assert client.get("/").body == b"hello"
        client.close()
    assert stepped.threads() == 1


def test_answers_from_other_threads(stepped) -> None:
    with stepped.client() as client:
        for _ in range(100):
            assert client.get("/thread").body == b"thread"


def test_pending_answers(stepped) -> None:
    with stepped.client() as client:
        client.send(message("GET", "/hold?tag=a"))
        stepped.wait("held a")
        stepped.do("body", "a", "done")
        stepped.do("finish", "a")
        assert client.read().body == b"done"


def test_timeouts(serve) -> None:
    server = serve("--step", "1", "--idle_timeout", "50")
    with server.client() as client:
        client.get("/")
        assert client.at_end()


def test_stop(stepped) -> None:
    busy, idle = stepped.client(), stepped.client()
    busy.send(message("GET", "/hold?tag=a"))
    stepped.wait("held a")
    idle.get("/")
    stepped.command("stop")
    assert idle.at_end()
    stepped.do("finish", "a")
    assert busy.read().status == 200
    assert busy.at_end()
    assert stepped.wait("stopped") == "stopped 0 TURBO_OK"
