# SPDX-License-Identifier: MIT
"""Requests and answers as messages: framing, keep-alive, pipelining (RFC 9112)."""

from __future__ import annotations

import email.utils
import json

import pytest

from client import Client, chunked, message, pattern


def test_an_answer(client: Client) -> None:
    answer = client.get("/")
    assert (answer.version, answer.status, answer.reason) == ("HTTP/1.1", 200, "OK")
    assert answer.body == b"hello"
    assert answer.get("content-length") == "5"
    assert answer.get("content-type") == "text/plain"
    assert answer.get("server") == "libturbo"
    assert answer.get("connection") is None


def test_date_is_the_time_in_imf_fixdate(client: Client) -> None:
    before = int(email.utils.parsedate_to_datetime(client.get("/").get("date")).timestamp())
    date = client.get("/").get("date")
    assert date == email.utils.format_datetime(email.utils.parsedate_to_datetime(date), usegmt=True)
    assert email.utils.parsedate_to_datetime(date).timestamp() >= before


def test_server_header_is_an_option(serve) -> None:
    with serve("--server-header", "mine/1").client() as client:
        assert client.get("/").get("server") == "mine/1"
    with serve("--server-header", "").client() as client:
        assert client.get("/").all("server") == []
    with serve("--server-header", "s" * 100).client() as client:
        assert client.get("/").get("server") == "s" * 100


def test_keep_alive_serves_many_requests(client: Client) -> None:
    for _ in range(100):
        assert client.get("/").body == b"hello"


def test_pipelined_requests_are_answered_in_order_and_in_one_write(client: Client) -> None:
    assert client.get("/").status == 200
    before = client.segments_in()
    targets = [f"/echo/{i}" for i in range(10)]
    client.send(b"".join(message("GET", target) for target in targets))
    bodies = [json.loads(client.read().body)["path"] for _ in targets]
    assert bodies == targets
    assert client.segments_in() - before == 1


def test_pipelining_past_the_budget_of_one_wake_up(client: Client) -> None:
    targets = [f"/echo/{i}" for i in range(300)]
    client.send(b"".join(message("GET", target) for target in targets))
    assert [json.loads(client.read().body)["path"] for _ in targets] == targets


def test_pipelined_after_a_body(client: Client) -> None:
    client.send(
        message("POST", "/body", b"one")
        + message("POST", "/body", chunked(b"t", b"wo"), transfer_encoding="chunked")
        + message("GET", "/")
    )
    assert [client.read().body for _ in range(3)] == [b"one", b"two", b"hello"]


def test_pipelined_behind_a_pending_answer_waits_for_it(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a") + message("GET", "/"))
    server.wait("held a")
    assert server.do("body", "a", "first") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    assert [client.read().body for _ in range(2)] == [b"first", b"hello"]


REQUESTS = {
    "get": message("GET", "/"),
    "length": message("POST", "/body", b"hello"),
    "chunked": message("POST", "/body", chunked(b"he", b"llo"), transfer_encoding="chunked"),
    "extensions": message(
        "POST",
        "/body",
        b'2;a=b\r\nhe\r\n3;q="x;y"\r\nllo\r\n0\r\ntrailer: 1\r\n\r\n',
        transfer_encoding="chunked",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_split_at_every_byte(client: Client, name: str) -> None:
    request = REQUESTS[name]
    for at in range(1, len(request)):
        client.send(request[:at])
        client.send(request[at:])
        assert client.read().body == b"hello"
    client.send_bytewise(request * 3)
    assert [client.read().body for _ in range(3)] == [b"hello"] * 3


def test_empty_lines_before_a_request_are_ignored(client: Client) -> None:
    client.send(b"\r\n\r\n" + message("GET", "/"))  # RFC 9112 §2.2
    assert client.read().body == b"hello"


def test_head_sends_the_same_fields_without_body(client: Client) -> None:
    for target in ("/", "/static", "/big?size=100000", "/stream?size=5000&known=1"):
        answers = [client.request(method, target) for method in ("GET", "HEAD")]
        fields = [[f for f in a.headers if f[0].lower() != "date"] for a in answers]
        assert fields[0] == fields[1]
        assert answers[0].body and not answers[1].body
    # Nothing of a body was sent: the next answer starts where the last one's head ended.
    assert client.get("/").body == b"hello"


def test_head_of_a_chunked_answer(client: Client) -> None:
    answer = client.request("HEAD", "/stream?size=5000")
    assert answer.status == 200 and answer.get("content-length") is None
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("code", [204, 304])
def test_answers_that_have_no_body(client: Client, code: int) -> None:
    answer = client.get(f"/status?code={code}")
    assert answer.status == code
    if code == 204:
        assert answer.all("content-length") == []  # RFC 9110 §8.6
    assert client.get("/").body == b"hello"


@pytest.mark.parametrize("code", [200, 201, 299, 418, 451, 599])
def test_status_codes(client: Client, code: int) -> None:
    answer = client.get(f"/status?code={code}")
    assert (answer.status, answer.body) == (code, b"body")


def test_connection_close_is_obeyed(client: Client) -> None:
    client.send(message("GET", "/", connection="close") + message("GET", "/"))
    answer = client.read()
    assert (answer.body, answer.get("connection")) == (b"hello", "close")
    assert client.at_end()


@pytest.mark.parametrize("value", ["Close", "keep-alive, close", "x , CLOSE"])
def test_close_in_a_list(client: Client, value: str) -> None:
    assert client.get("/", connection=value).get("connection") == "close"
    assert client.at_end()


def test_http_1_0_closes_by_default(client: Client) -> None:
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.read().body == b"hello"
    assert client.at_end()


def test_http_1_0_keeps_alive_on_request(client: Client) -> None:
    for _ in range(3):
        client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        answer = client.read()
        assert (answer.body, answer.get("connection")) == (b"hello", "keep-alive")


def test_http_1_0_streams_end_with_the_connection(client: Client) -> None:
    client.send(b"GET /stream?size=5000 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
    answer = client.read()
    assert answer.all("transfer-encoding") == [] and answer.all("content-length") == []
    assert answer.body == pattern(5000)


def test_http_1_0_streams_of_known_length_keep_alive(client: Client) -> None:
    for _ in range(2):
        client.send(b"GET /stream?size=50&known=1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert client.read().body == pattern(50)


def test_max_requests_closes_after_the_last(serve) -> None:
    with serve("--max_requests", "3").client() as client:
        answers = [client.get("/") for _ in range(3)]
        assert [a.get("connection") for a in answers] == [None, None, "close"]
        assert client.at_end()


def test_the_last_pipelined_answer_before_the_client_half_closes(client: Client) -> None:
    client.send(message("GET", "/") * 2)
    client.socket.shutdown(1)
    assert [client.read().body for _ in range(2)] == [b"hello"] * 2
    assert client.at_end()


def test_absolute_form(client: Client) -> None:
    described = json.loads(client.get("http://example.com/echo/a%20b?x=1").body)
    assert (described["path"], described["query"]) == ("/echo/a b", "x=1")


def test_the_authority_of_the_absolute_form_wins_over_host(client: Client) -> None:
    client.send(b"GET http://wins:8/echo HTTP/1.1\r\nHost: loses\r\n\r\n")  # RFC 9112 §3.2.2
    assert json.loads(client.read().body)["headers"] == [["Host", "wins:8"]]
    client.send(b"GET http://wins/echo HTTP/1.1\r\n\r\n")  # and still there must be one
    assert client.read().status == 400


def test_the_absolute_form_without_host_in_http_1_0(client: Client) -> None:
    client.send(b"GET http://wins/echo HTTP/1.0\r\n\r\n")
    assert json.loads(client.read().body)["headers"] == [["host", "wins"]]


TRAILED = b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum:  2 \t\r\n\r\n"


def test_trailers_are_kept_apart(client: Client) -> None:
    request = message("POST", "/echo", TRAILED, transfer_encoding="chunked")
    for at in range(1, len(request)):
        client.send(request[:at])
        client.send(request[at:])
        described = json.loads(client.read().body)
        assert described["body"] == "abc"
        assert described["trailers"] == [["X-Sum", "1"], ["x-sum", "2"]]
        assert "x-sum" not in [name.lower() for name, _ in described["headers"]]
    assert json.loads(client.get("/echo").body)["trailers"] == []


def test_trailers_of_a_streamed_body(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", b"3\r\nabc\r\n", transfer_encoding="chunked"))
    server.wait("held a")
    assert server.do("trailers", "a") == "TURBO_OK"
    assert server.wait("trailers a").split()[2:] == ["0"]
    assert server.do("read", "a") == "TURBO_OK"
    assert server.wait("data a").split()[2:] == ["3", "0", "TURBO_OK"]
    client.send(b"0\r\nX-Sum: 1\r\n")
    assert server.do("trailers", "a") == "TURBO_OK"
    assert server.wait("trailers a").split()[2:] == ["0"]
    assert server.do("read", "a") == "TURBO_OK"
    client.send(b"\r\n")
    assert server.wait("data a").split()[2:] == ["0", "1", "TURBO_OK"]
    assert server.do("trailers", "a") == "TURBO_OK"
    assert server.wait("trailers a").split()[2:] == ["1", "X-Sum=1"]
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().status == 200


@pytest.mark.parametrize("name", ["content-length", "transfer-encoding", "host"])
def test_trailers_that_frame_or_route_are_refused(client: Client, name: str) -> None:
    body = b"0\r\n" + name.encode() + b": 1\r\n\r\n"  # RFC 9110 §6.5.1
    client.send(message("POST", "/echo", body, transfer_encoding="chunked") + message("GET", "/"))
    assert client.read().status == 400
    assert client.at_end()


def test_trailers_of_a_drained_body(client: Client) -> None:
    client.send(message("POST", "/none", TRAILED, transfer_encoding="chunked"))
    assert client.read().status == 404
    assert client.get("/").body == b"hello"


def test_what_the_handler_sees(server, client: Client) -> None:
    client.send(
        b"PATCH /echo/a%2Fb/%C3%A9?q=1&q=%20 HTTP/1.1\r\nHost: h\r\nX-Two:  a \r\nx-two: b\r\n"
        b"Content-Length: 3\r\n\r\nabc"
    )
    described = json.loads(client.read().body)
    assert described["method"] == "PATCH"
    assert described["path"] == "/echo/a/b/é"
    assert described["raw_path"] == "/echo/a%2Fb/%C3%A9"
    assert described["query"] == "q=1&q=%20"
    assert described["version"] == 11
    assert described["scheme"] == "http"
    assert described["body"] == "abc"
    assert (described["peer"], described["peer_port"]) == ("127.0.0.1", client.local_port)
    assert (described["local"], described["local_port"]) == ("127.0.0.1", server.port)
    assert described["params"] == [["rest", "a/b/é"]]
    assert described["pattern"] == described["route"] == "/echo/{rest:path}"
    assert described["headers"] == [
        ["Host", "h"],
        ["X-Two", "a"],
        ["x-two", "b"],
        ["Content-Length", "3"],
    ]


MALFORMED = {
    "no version": b"GET /\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    "folded field": b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n",
    "nul in value": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "empty host": b"GET / HTTP/1.1\r\nhost:\r\n\r\n",
    "bad host": b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nhost: a\n\n",
    "bare line feed before": b"\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nhost: a\r\n\rX",
    "white space before a field": b"GET / HTTP/1.1\r\n x: 1\r\nhost: a\r\n\r\n",
    "space in the version": b"GET / HTTP/1.1 \r\nhost: a\r\n\r\n",
    "asterisk of get": b"GET * HTTP/1.1\r\nhost: a\r\n\r\n",
    "userinfo": b"GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "bad escape": b"GET /%zz HTTP/1.1\r\nhost: a\r\n\r\n",
    "nul escape": b"GET /%00 HTTP/1.1\r\nhost: a\r\n\r\n",
    "backslash": b"GET /a\\b HTTP/1.1\r\nhost: a\r\n\r\n",
    "length list": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 3, 3\r\n\r\nabc",
    "same length twice": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n"
    b"content-length: 1\r\n\r\na",
    "gzip alone": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
    "relative target": b"GET a/b HTTP/1.1\r\nhost: a\r\n\r\n",
    "bad length": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    "negative length": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "huge length": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
    "two lengths": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunked": b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /body HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "two codings": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    "chunk end": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
    "chunk junk": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n",
    "chunk extension": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;\r\na\r\n",
    "trailer": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx\r\n\r\n",
    "chunk overflow": b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    b"fffffffffffffffff\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_messages_get_400_and_the_connection_ends(server, client, name: str) -> None:
    # What follows would be a request of its own to a parser that lost its place (smuggling).
    client.send(MALFORMED[name] + message("GET", "/echo/smuggled"))
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (400, "close")
    assert answer.get("content-type") == "application/json"
    assert "detail" in json.loads(answer.body)
    assert client.at_end()
    with server.client() as other:
        assert other.get("/").body == b"hello"


def test_unknown_transfer_coding_is_501(client: Client) -> None:
    answer = client.request(
        "POST", "/body", b"", transfer_encoding="gzip, chunked"
    )  # RFC 9112 §6.1
    assert (answer.status, answer.get("connection")) == (501, "close")


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0"])
def test_another_version_is_505(client: Client, version: str) -> None:
    client.send(f"GET / HTTP/{version}\r\nhost: a\r\n\r\n".encode())
    assert client.read().status == 505
    assert client.at_end()


@pytest.mark.parametrize("method", ["BREW", "get", "CONNECT"])
def test_a_method_that_is_not_implemented_is_501(client: Client, method: str) -> None:
    client.send(message(method, "a:80" if method == "CONNECT" else "/") + message("GET", "/"))
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (501, "close")
    assert client.at_end()


def test_trace_is_routed(serve) -> None:
    with serve("--route", "TRACE /traced").client() as client:
        assert client.request("TRACE", "/").status == 405
        assert client.request("TRACE", "/traced").status == 200


def test_query_is_a_method(serve) -> None:
    with serve("--route", "QUERY /asked").client() as client:
        assert client.request("QUERY", "/").status == 405
        described = json.loads(client.request("QUERY", "/asked?a", b"what").body)
        assert [described[key] for key in ("method", "query", "body")] == ["QUERY", "a", "what"]


@pytest.mark.parametrize("value", ["other", "100-continue, other"])
def test_an_unknown_expectation_is_417(client: Client, value: str) -> None:
    client.send(message("POST", "/body", b"abc", expect=value))
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (417, "close")
    assert client.at_end()


def test_a_refusal_after_head_has_its_body(client: Client) -> None:
    client.send(message("HEAD", "/") + b"garbage\r\n\r\n")
    assert client.read("HEAD").status == 200
    answer = client.read()
    assert (answer.status, json.loads(answer.body)) == (400, {"detail": "Bad Request"})
