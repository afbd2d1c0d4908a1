# SPDX-License-Identifier: MIT
"""What handlers may do, and what becomes of their mistakes."""

from __future__ import annotations

import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from client import Client, message


def test_a_failing_handler_is_500_text_and_nothing_of_its_answer_is_sent(client: Client) -> None:
    answer = client.get("/fail")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.get("content-type") == "text/plain; charset=utf-8"
    assert answer.all("x-leftover") == []
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [("limit", -14, 413), ("json", -18, 400), ("protocol", -22, 400), ("invalid", -21, 422)],
)
def test_errors_with_a_status_of_their_own(
    client: Client, name: str, code: int, status: int
) -> None:
    answer = client.get(f"/fail?code={code}")
    assert answer.status == status
    assert "detail" in json.loads(answer.body)
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("code", [2, 77, -12345])
def test_a_result_that_is_none_of_the_contract_is_500(client: Client, code: int) -> None:
    assert client.get(f"/fail?code={code}").status == 500


@pytest.mark.parametrize("code", [100, 199, 600, 0, -1])
def test_a_status_out_of_range_is_refused(client: Client, code: int) -> None:
    assert client.get(f"/status?code={code}").status == 500


def test_headers_are_sent_or_refused(client: Client) -> None:
    answer = client.get("/headers")
    assert answer.body.decode().split() == [
        "TURBO_OK",
        "TURBO_OK",
        "TURBO_OK",
        "TURBO_EHEADER",
        "TURBO_EHEADER",
        "TURBO_EHEADER",
        "TURBO_EHEADER",
        "TURBO_EHEADER",
        "TURBO_EHEADER",
        "TURBO_OK",
    ]
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert ("Location", "/elsewhere") in answer.headers
    assert answer.all("x-injected") == answer.all("x-split") == []
    assert answer.get("x-high") == "\xc3\xa9"


CONTROLS = {"cr": "%0D", "lf": "%0A", "nul": "%00", "crlf": "%0D%0Ax-injected:%201", "del": "%7F"}


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("place", ["name", "value"])
def test_a_control_character_in_a_header_is_500_and_a_log_line(server, client, place, name) -> None:
    answer = client.get(f"/set-header?{place}=x-a{CONTROLS[name]}b")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.all("x-injected") == []
    assert "TURBO_EHEADER" in server.wait("log handler of /set-header failed:")
    assert client.get("/").body == b"hello"


def test_a_failing_handler_is_not_blamed_for_an_earlier_error(server, client: Client) -> None:
    with server.client() as other:
        other.send(b"garbage\r\n\r\n")
        assert other.read().status == 400
    assert client.get("/fail").status == 500
    assert server.wait("log handler of /fail failed:").rstrip().endswith("TURBO_EHANDLER")


@pytest.mark.parametrize("place", ["name", "value"])
def test_a_refused_header_is_500_even_if_the_handler_goes_on(server, client, place: str) -> None:
    answer = client.get(f"/set-header?{place}=x-a%0D%0Ab&then=1")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert "TURBO_EHEADER" in server.wait("log handler of /set-header failed:")
    assert client.get("/").body == b"hello"


def test_a_handler_may_start_again_after_a_refused_header(client: Client) -> None:
    answer = client.get("/set-header?value=x-a%0D%0Ab&then=2")
    assert (answer.status, answer.body) == (200, b"set")


@pytest.mark.parametrize("name", ["Connection", "transfer-encoding", "TRANSFER-ENCODING"])
def test_framing_headers_belong_to_the_library(server, client: Client, name: str) -> None:
    assert client.get(f"/set-header?name={name}&value=close").status == 500
    assert "belongs to the library" in server.wait("log handler of /set-header failed:")
    assert client.get("/").body == b"hello"


def test_a_content_length_that_is_right_is_sent_once(client: Client) -> None:
    answer = client.get("/set-header?name=content-length&value=3")
    assert (answer.get("content-length"), answer.body) == ("3", b"set")


@pytest.mark.parametrize("value", ["2", "4", "", "-3", "3,3", "99999999999999999999999"])
def test_a_content_length_that_is_wrong_is_500(server, client: Client, value: str) -> None:
    answer = client.get(f"/set-header?name=content-length&value={value}")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert "Content-Length" in server.wait("log /set-header:")
    assert client.get("/").body == b"hello"


def test_a_second_content_length_is_refused(server, client: Client) -> None:
    assert client.get("/lengths?first=2&second=1").status == 500
    assert "TURBO_EHEADER" in server.wait("log handler of /lengths failed:")
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("first", ["1", "9"])
def test_a_stream_has_the_length_it_was_begun_with(server, client: Client, first: str) -> None:
    answer = client.get(f"/lengths?first={first}&stream=2")
    assert (answer.get("content-length"), answer.body) == ("2", b"ok")
    assert "Content-Length" in server.wait("log /lengths:")
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("code", [204, 205, 304])
@pytest.mark.parametrize(
    "how", ["status?code=", "stream-status?code=", "stream-status?known=4&code="]
)
def test_statuses_without_content(client: Client, how: str, code: int) -> None:
    for method in ("GET", "HEAD"):
        client.send(message(method, f"/{how}{code}"))
        head = client.read_head()
        assert head.status == code
        assert head.get("transfer-encoding") is None
        # RFC 9110 §15.3.6, §15.4.5: 205 says that it is empty, the others say nothing.
        assert head.get("content-length") == ("0" if code == 205 else None)
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("how", ["", "&stream=2"])
def test_a_205_is_empty_whatever_length_its_handler_announced(client: Client, how: str) -> None:
    answer = client.get(f"/lengths?first=2&status=205{how}")
    assert (answer.status, answer.all("content-length"), answer.body) == (205, ["0"], b"")
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize(
    "target", ["/big?size=5", "/static", "/stream?size=5", "/stream?known=1&size=5"]
)
def test_head_has_no_body(client: Client, target: str) -> None:
    client.send(message("HEAD", target) + message("GET", "/"))
    head = client.read_head()
    assert head.status == 200
    assert client.read().body == b"hello"


def test_an_upgrade_that_nobody_takes_is_a_plain_request(client: Client) -> None:
    upgrade = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "websocket, h2c"}
    client.send(message("GET", "/", **upgrade, http2_settings="AAMAAABkAARAAAAAAAIAAAAA"))
    answer = client.read()
    assert (answer.status, answer.body, answer.get("upgrade")) == (200, b"hello", None)
    # What follows is the next request, not another protocol.
    client.send(message("POST", "/body", b"x" * 10, **upgrade) + message("GET", "/"))
    assert client.read().body == b"x" * 10
    assert client.read().body == b"hello"


@pytest.mark.parametrize(
    "target", ["/", "/static", "/thread", "/nope", "/stream?size=300000", "/owned?size=3000000"]
)
def test_a_half_closed_client_gets_its_answer(client: Client, target: str) -> None:
    client.send(message("GET", target))
    client.socket.shutdown(socket.SHUT_WR)
    answer = client.read()
    assert answer.status == (404 if target == "/nope" else 200)
    assert len(answer.body) == int(target.partition("size=")[2] or len(answer.body))
    assert client.at_end()


@pytest.mark.parametrize("path", ["/hold", "/hold-offload"])
def test_a_half_closed_client_gets_a_later_answer(server, client: Client, path: str) -> None:
    client.send(message("GET", f"{path}?tag=a"))
    server.wait("held a")
    client.socket.shutdown(socket.SHUT_WR)
    server.wait("closed a")
    assert server.do("body", "a", "late") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().body == b"late"
    assert client.at_end()


def all_threads_sleep(server) -> bool:
    stats = [path.read_text() for path in Path(f"/proc/{server.pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "S" for stat in stats)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("target", ["/big?size=40000000", "/stream?size=40000000", "/static-big"])
def test_a_half_closed_client_that_does_not_read_costs_nothing(
    server, target: str, connection: str
) -> None:
    client = server.client(receive_buffer=4096)
    client.send(message("GET", target, connection=connection))
    answer = client.read_head()
    client.socket.shutdown(socket.SHUT_WR)
    with server.client() as other:
        assert other.get("/").body == b"hello"
    assert any(all_threads_sleep(server) for _ in range(10000)), "the server spins"
    size = int(answer.get("content-length") or 0)
    if size:
        client.read_exactly(size)
    else:
        while client.read_chunk():
            pass
    assert client.at_end()


def test_a_half_closed_client_gets_all_its_pipelined_answers(client: Client) -> None:
    targets = [f"/echo/{i}" for i in range(40)]
    client.send(b"".join(message("GET", target) for target in targets))
    client.send(message("POST", "/body", b"last"))
    client.socket.shutdown(socket.SHUT_WR)
    assert [json.loads(client.read().body)["path"] for _ in targets] == targets
    assert client.read().body == b"last"
    assert client.at_end()


def test_a_half_closed_client_gets_its_streamed_answer(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    server.do("begin", "a", "-1")
    assert client.read_head().status == 200
    client.socket.shutdown(socket.SHUT_WR)
    server.wait("closed a")
    assert server.do("chunk", "a", "more") == "TURBO_OK"
    assert client.read_chunk() == b"more"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read_chunk() == b""
    assert client.at_end()


def test_static_answers(client: Client) -> None:
    for _ in range(2):
        answer = client.get("/static")
        assert answer.body == b'{"status":"ok"}'
        assert answer.get("content-type") == "application/json"
        assert answer.get("x-static") == "yes"
        assert answer.get("date")
    client.send(b"GET /static HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
    assert client.read().get("connection") == "keep-alive"
    assert client.get("/static", connection="close").get("connection") == "close"
    assert client.at_end()


@pytest.mark.parametrize("path", ["/early", "/thread"])
def test_answers_that_are_finished_elsewhere(client: Client, path: str) -> None:
    for _ in range(200):
        assert client.get(path).body == path[1:].encode()
    client.send(message("GET", path) * 50 + message("GET", "/"))
    assert [client.read().body for _ in range(51)] == [path[1:].encode()] * 50 + [b"hello"]


def test_pending_answers_finish_in_any_order(server) -> None:
    tags = [f"t{i}" for i in range(20)]
    clients = {tag: server.client() for tag in tags}
    for tag, client in clients.items():
        client.send(message("GET", f"/hold?tag={tag}"))
        server.wait(f"held {tag}")
    for tag in reversed(tags):
        assert server.do("status", tag, "201") == "TURBO_OK"
        assert server.do("body", tag, f"body of {tag}") == "TURBO_OK"
        assert server.do("finish", tag) == "TURBO_OK"
        answer = clients[tag].read()
        assert (answer.status, answer.body) == (201, f"body of {tag}".encode())
    for client in clients.values():
        assert client.get("/").body == b"hello"
        client.close()
    released = Counter(e for e in server.end() if e.startswith("released"))
    assert released == {f"released {tag}": 1 for tag in tags}


def test_abort_closes_without_an_answer(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    assert server.do("body", "a", "unsent") == "TURBO_OK"
    assert server.do("abort", "a") == "TURBO_OK"
    assert client.at_end()
    assert server.wait("released a")
    assert server.metrics()["broken"] == 1
    assert [e for e in server.end() if e.startswith("released")] == []


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_a_pending_answer(server, leave: str) -> None:
    client = server.client()
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    server.command("cancelled a")
    assert server.wait("cancelled a") == "cancelled a 0"
    getattr(client, leave)()
    assert server.wait("closed a")
    server.command("cancelled a")
    # A client that only closed its sending side may still want the answer (RFC 9112 §9.6).
    gone = leave == "reset"
    assert server.wait("cancelled a") == f"cancelled a {int(gone)}"
    assert server.do("body", "a", "for nobody") == "TURBO_OK"
    assert server.do("finish", "a") == ("TURBO_ECANCELLED" if gone else "TURBO_OK")
    assert server.wait("released a")
    with server.client() as other:
        assert other.get("/").body == b"hello"
    left = [e for e in server.end() if e.split()[0] in ("released", "closed")]
    assert left == []


def test_the_close_callback_does_not_fire_for_a_finished_answer(server) -> None:
    client = server.client()
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().body == b""
    client.close()
    assert [e for e in server.end() if e.startswith("closed")] == []


def test_metrics_count(serve) -> None:
    server = serve()
    with server.client() as client:
        for target in ("/", "/nope", "/fail", "/static"):
            client.get(target)
        client.send(b"broken\r\n\r\n")
        assert client.read().status == 400
        assert client.at_end()
        metrics = server.metrics()
        assert metrics["requests"] == 4
        assert (metrics["2xx"], metrics["4xx"], metrics["5xx"]) == (2, 2, 1)
        assert metrics["connections"] == 1
        assert metrics["parse_errors"] == 1
        assert metrics["bytes_in"] > 0 and metrics["bytes_out"] > 0
