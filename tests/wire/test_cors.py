# SPDX-License-Identifier: MIT
"""Cross-origin rules on the wire; app/cors has the table of cases."""

from __future__ import annotations

import pytest

from client import Answer, Client

ORIGIN = "https://a.example"


def preflight(client: Client, target: str, origin: str = ORIGIN, **more: str) -> Answer:
    fields = {"origin": origin, "access-control-request-method": "GET", **more}
    return client.request("OPTIONS", target, **fields)


@pytest.mark.parametrize(
    "target", ["/", "/static", "/body", "/echo/a/b", "/hold", "/upload", "/block-offload", "/nope"]
)
def test_preflight_of_every_path(serve, target: str) -> None:
    with serve("--cors-origin", ORIGIN, "--cors-max-age", "60").client() as client:
        answer = preflight(client, target)
        assert (answer.status, answer.body) == (200, b"OK")
        assert answer.get("access-control-allow-origin") == ORIGIN
        assert answer.get("access-control-max-age") == "60"
        assert answer.get("vary") == (
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
            "Access-Control-Request-Private-Network"
        )
        assert client.get("/").body == b"hello"


@pytest.mark.parametrize("target", ["/", "/static", "/nope", "/fail", "/early", "/stream?size=10"])
def test_answers_carry_the_permission(serve, target: str) -> None:
    server = serve("--cors-origin", ORIGIN, "--cors-expose", "x-a", "--cors-credentials", "1")
    with server.client() as client:
        plain = client.get(target)
        answer = client.get(target, origin=ORIGIN)
        assert (answer.status, answer.body) == (plain.status, plain.body)
        assert answer.get("access-control-allow-origin") == ORIGIN
        assert answer.get("access-control-allow-credentials") == "true"
        assert answer.get("access-control-expose-headers") == "x-a"
        assert answer.get("vary") == "Origin"
        assert plain.get("access-control-allow-origin") is None


def test_another_origin_gets_no_permission(serve) -> None:
    with serve("--cors-origin", ORIGIN).client() as client:
        assert client.get("/", origin="https://evil").get("access-control-allow-origin") is None
        answer = preflight(client, "/", "https://evil")
        assert answer.status == 400
        assert answer.get("access-control-allow-origin") is None


def test_any_origin_regex_methods_and_headers(serve) -> None:
    with serve("--cors-origin", "*").client() as client:
        assert client.get("/", origin=ORIGIN).get("access-control-allow-origin") == "*"
    server = serve(
        "--cors-regex",
        "https://[a-z]+\\.example",
        "--cors-method",
        "PUT",
        "--cors-header",
        "x-token",
    )
    with server.client() as client:
        answer = client.get("/", origin="https://b.example")
        assert answer.get("access-control-allow-origin") == "https://b.example"
        assert (
            client.get("/", origin="https://b.example.evil").all("access-control-allow-origin")
            == []
        )
        good = {"access-control-request-method": "PUT", "access-control-request-headers": "X-Token"}
        assert preflight(client, "/", **good).status == 200
        bad = {**good, "access-control-request-headers": "x-other"}
        assert preflight(client, "/", **bad).status == 400
        assert (
            preflight(client, "/", **{**good, "access-control-request-method": "GET"}).status == 400
        )


def test_without_rules_options_is_a_method_like_others(client: Client) -> None:
    answer = preflight(client, "/")
    assert answer.status == 405
    assert answer.all("access-control-allow-origin") == []
