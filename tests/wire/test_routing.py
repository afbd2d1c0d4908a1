# SPDX-License-Identifier: MIT
"""Routes as a client sees them: order, parameters, 404, 405, slashes, decoding."""

from __future__ import annotations

import json

import pytest

from client import Client


def routes(*lines: str) -> list[str]:
    return [word for line in lines for word in ("--route", line)]


def test_404_and_405_are_json(client: Client) -> None:
    answer = client.get("/nope")
    assert (answer.status, answer.get("content-type")) == (404, "application/json")
    assert answer.body == b'{"detail":"Not Found"}'
    answer = client.request("DELETE", "/body")
    assert (answer.status, answer.get("content-type")) == (405, "application/json")
    assert answer.body == b'{"detail":"Method Not Allowed"}'
    assert answer.get("allow") == "POST, PUT"
    assert client.get("/").body == b"hello"


def test_head_of_a_404_has_no_body(client: Client) -> None:
    assert client.request("HEAD", "/nope").status == 404
    assert client.get("/").body == b"hello"


def test_allow_of_the_first_route_only(serve) -> None:
    with serve("--allow_first", "1").client() as client:
        assert client.request("DELETE", "/body").get("allow") == "POST"


def test_an_unknown_method_is_no_malformed_message(client: Client) -> None:
    assert client.request("PROPFIND", "/").status == 405
    assert client.request("PROPFIND", "/echo").status == 200


def test_methods_are_case_sensitive(client: Client) -> None:
    answer = client.request("get", "/")
    assert answer.status in (400, 405, 501)  # RFC 9110 §9.1: it is not GET


def test_strict_head(serve) -> None:
    with serve("--strict_head", "1").client() as client:
        answer = client.request("HEAD", "/")
        assert (answer.status, answer.get("allow")) == (405, "GET")
    with serve().client() as client:
        assert client.request("HEAD", "/").status == 200


def test_the_first_registered_match_wins(serve) -> None:
    wanted = {
        "/users/me": "/users/me",
        "/users/megan": "/users/{id}",
        "/users/m": "/users/{id}",
        "/n/5": "/n/{x:int}",
        "/n/five": "/n/{x}",
        "/late/a": "/late/{x}",
        "/files/a.json": "/files/{name}.json",
        "/files/a.txt": "/files/{rest:path}",
        "/files/a/b": "/files/{rest:path}",
    }
    server = serve(
        *routes(
            "GET /users/me",
            "GET /users/{id}",
            "GET /n/{x:int}",
            "GET /n/{x}",
            "GET /late/{x}",
            "GET /late/a",
            "GET /files/{name}.json",
            "GET /files/{rest:path}",
        )
    )
    with server.client() as client:
        for target, pattern in wanted.items():
            assert json.loads(client.get(target).body)["pattern"] == pattern


def test_405_when_only_another_route_of_the_path_has_the_method(serve) -> None:
    server = serve(*routes("GET /a/{x}", "PUT /a/b", "POST /c"))
    with server.client() as client:
        assert json.loads(client.request("PUT", "/a/b").body)["pattern"] == "/a/b"
        answer = client.request("PUT", "/a/c")
        assert (answer.status, answer.get("allow")) == (405, "GET, HEAD")
        answer = client.request("DELETE", "/a/b")
        assert (answer.status, answer.get("allow")) == (405, "GET, HEAD, PUT")


@pytest.mark.parametrize("length", [1, 1000, 7000])
def test_long_parameters(serve, length: int) -> None:
    with serve(*routes("GET /p/{x}/end")).client() as client:
        value = "v" * length
        assert json.loads(client.get(f"/p/{value}/end").body)["params"] == [["x", value]]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("a%20b", "a b"),
        ("%41", "A"),
        ("%2541", "%41"),
        ("%C3%A9", "é"),
        ("a+b", "a+b"),
        ("%FF", "\ufffd"),
        ("%01", "\x01"),
    ],
)
def test_parameters_are_decoded_once(serve, raw: str, value: str) -> None:
    with serve(*routes("GET /p/{x}")).client() as client:
        described = json.loads(client.get(f"/p/{raw}").body)
        assert described["params"] == [["x", value]]
        assert described["raw_path"] == f"/p/{raw}"


@pytest.mark.parametrize("raw", ["%zz", "%", "%4", "%00", "a%2fb%00c"])
def test_bad_escapes_in_a_path_are_refused(serve, raw: str) -> None:
    with serve(*routes("GET /p/{x}")).client() as client:
        assert client.get(f"/p/{raw}").status == 400
        assert client.at_end()


def test_slash_redirect(serve) -> None:
    server = serve("--redirect_slashes", "1", *routes("GET /with/", "GET /without"))
    with server.client() as client:
        for target, location in [
            ("/with", "http://test/with/"),
            ("/with?a=1&b=%20", "http://test/with/?a=1&b=%20"),
            ("/without/", "http://test/without"),
        ]:
            answer = client.get(target)
            assert answer.status == 307
            assert answer.get("location") in (location, location.removeprefix("http://test"))
        assert client.get("/neither/").status == 404
        assert client.get("/with/").status == 200


def test_no_slash_redirect_by_default(serve) -> None:
    with serve(*routes("GET /with/")).client() as client:
        assert client.get("/with").status == 404


def test_asterisk_form(client: Client) -> None:
    assert client.request("OPTIONS", "*").status in (200, 204, 404)
    assert client.get("/").body == b"hello"
