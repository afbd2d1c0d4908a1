# SPDX-License-Identifier: MIT
"""Forms: multipart and urlencoded, collected and streamed."""

from __future__ import annotations

import os
import re
import resource
import time
from pathlib import Path

import pytest

from client import Client, chunked, message, pattern

MULTIPART = "multipart/form-data; boundary=----B"
URLENCODED = "application/x-www-form-urlencoded"
MIB = 1 << 20
ROUTES = ["/form", "/form-stream", "/form-late", "/form-offload"]


def part(disposition: str, data: bytes, *more: str) -> bytes:
    lines = ["------B", f"Content-Disposition: form-data; {disposition}", *more, "", ""]
    return "\r\n".join(lines).encode() + data + b"\r\n"


END = b"------B--\r\n"


def line(name: str, filename: str, kind: str, data: bytes, where: str = "memory") -> str:
    return f"{name}|{filename}|{kind}|{len(data)}|{sum(data)}|{where}\n"


MIXED = (
    part('name="a"', b"one")
    + part('name="f"; filename="p.png"', pattern(3000), "Content-Type: image/png")
    + part('name="a"', b"")
    + part('name="none"; filename=""', b"", "Content-Type: application/octet-stream")
    + END
)
MIXED_LINES = (
    line("a", "", "", b"one")
    + line("f", "@p.png", "image/png", pattern(3000))
    + line("a", "", "", b"")
    + line("none", "@", "application/octet-stream", b"")
)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def peak_memory(pid: int) -> int:
    """Bytes resident at most since the process began."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_multipart(client: Client, route: str, coding: str) -> None:
    for _ in range(2):
        if coding == "length":
            answer = client.request("POST", route, MIXED, content_type=MULTIPART)
        else:
            parts = [MIXED[at : at + 700] for at in range(0, len(MIXED), 700)]
            client.send(
                message(
                    "POST",
                    route,
                    chunked(*parts),
                    transfer_encoding="chunked",
                    content_type=MULTIPART,
                )
            )
            answer = client.read()
        assert (answer.status, answer.body.decode()) == (200, MIXED_LINES)


@pytest.mark.parametrize("route", ROUTES)
def test_urlencoded(client: Client, route: str) -> None:
    body = b"a=1&b%20c=%E2%82%AC&a=&d"
    answer = client.request("POST", route, body, content_type=URLENCODED + ";charset=UTF-8")
    lines = line("a", "", "", b"1") + line("b c", "", "", "€".encode())
    assert answer.body.decode() == lines + line("a", "", "", b"") + line("d", "", "", b"")
    empty = client.request("POST", route, b"", content_type=URLENCODED)
    assert (empty.status, empty.body) == (200, b"")


@pytest.mark.parametrize("route", ["/form", "/form-stream"])
def test_a_form_that_comes_byte_by_byte(client: Client, route: str) -> None:
    field, file = b"\r\n--\r\n", b"\r\n------\r\r\n"
    body = part('name="a"', field) + part("name=f; filename=x", file) + END
    client.send_bytewise(message("POST", route, body, content_type=MULTIPART))
    expected = line("a", "", "", field) + line("f", "@x", "", file)
    assert client.read().body.decode() == expected


@pytest.mark.parametrize("route", ["/form-stream", "/form-offload"])
def test_a_form_whose_parts_come_one_by_one(server, client: Client, route: str) -> None:
    """The handler reads before the body is complete."""
    pieces = [MIXED[at : at + 500] for at in range(0, len(MIXED), 500)]
    client.send(message("POST", route, transfer_encoding="chunked", content_type=MULTIPART))
    with server.client() as other:
        for piece in pieces:
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            assert other.get("/").body == b"hello"
    client.send(b"0\r\n\r\n")
    assert client.read().body.decode() == MIXED_LINES


def test_a_handler_in_a_shared_object_reads_forms(serve) -> None:
    path = f"{os.environ['WIRE_PLUGINS']}/plugin_good.so"
    server = serve("--plugin", f"/p {path} handle_form")
    assert server.wait("plugin").split()[2] == "TURBO_OK"
    with server.client() as client:
        assert client.request("POST", "/p", MIXED, content_type=MULTIPART).body == b""
        assert client.request("POST", "/p", b"a=x+y", content_type=URLENCODED).body == b"x y"
        assert client.request("POST", "/p", b"a=x+y").status == 415


# --- what is no form ---------------------------------------------------------------


MALFORMED = {
    "no end": MIXED[:-12],
    "nothing": b"",
    "other boundary": MIXED.replace(b"------B", b"------b"),
    "no disposition": b"------B\r\nX: 1\r\n\r\nx\r\n" + END,
    "no name": part("filename=a", b"x") + END,
    "bare line feeds": MIXED.replace(b"\r\n", b"\n"),
    "folded header": part("name=a", b"x", "X: 1", " 2") + END,
    "junk behind a boundary": part("name=a", b"x\r\n------Bx") + END,
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_forms_are_400(server, route: str, kind: str) -> None:
    with server.client() as client:
        answer = client.request("POST", route, MALFORMED[kind], content_type=MULTIPART)
        assert (answer.status, answer.body) == (400, b'{"detail":"Bad Request"}')
    assert server.wait("form TURBO_EPROTOCOL").split(" ", 2)[2].startswith("multipart body, byte ")


@pytest.mark.parametrize("route", ROUTES)
def test_other_types_are_415(server, route: str) -> None:
    with server.client() as client:
        for kind in ("application/json", "multipart/mixed; boundary=B", "text/plain"):
            answer = client.request("POST", route, b"{}", content_type=kind)
            assert answer.status == 415
            assert server.wait("form TURBO_EMEDIA")
    with server.client() as client:
        assert client.request("POST", route, b"a=1").status == 415
    assert server.wait("form TURBO_EMEDIA")
    with server.client() as client:
        answer = client.request("POST", route, MIXED, content_type="multipart/form-data")
        assert answer.status == 400
    assert "boundary" in server.wait("form TURBO_EPROTOCOL")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("limit", "fits"),
    [("max_fields", 2), ("max_files", 2), ("max_field", 3), ("max_file", 3000), ("max_total", 0)],
)
def test_past_a_limit_is_413(server, route: str, limit: str, fits: int) -> None:
    fits = fits or len(MIXED)
    for value, status in ((fits - 1, 413), (fits, 200), (fits + 1, 200)):
        with server.client() as client:
            target = f"{route}?{limit}={value}"
            answer = client.request("POST", target, MIXED, content_type=MULTIPART)
            assert answer.status == status
    assert server.wait("form TURBO_ELIMIT")


def test_the_limit_of_the_route_is_413(server) -> None:
    head = len(part("name=a", b"") + END)
    for size, status in ((1999, 200), (2000, 200), (2001, 413)):
        body = part("name=a", pattern(size - head)) + END
        assert len(body) == size
        with server.client() as client:
            assert client.request("POST", "/form-limited", body, content_type=MULTIPART).status == (
                status
            )
        with server.client() as client:
            client.send(
                message(
                    "POST",
                    "/form-limited",
                    chunked(*[body[at : at + 100] for at in range(0, size, 100)]),
                    transfer_encoding="chunked",
                    content_type=MULTIPART,
                )
            )
            assert client.read().status == status


def test_memory_is_a_limit_for_fields_only(server) -> None:
    field = part("name=a", pattern(3000)) + END
    file = part("name=f; filename=x", pattern(3000)) + END
    with server.client() as client:
        answer = client.request(
            "POST", "/form-stream?max_memory=2000", file, content_type=MULTIPART
        )
        assert answer.body.decode() == line("f", "@x", "", pattern(3000), "file")
        answer = client.request(
            "POST", "/form-stream?max_memory=2000", field, content_type=MULTIPART
        )
        assert answer.status == 413


def test_no_place_for_the_temporary_file_is_500(server) -> None:
    target = "/form-stream?spool_past=1&directory=/nonexistent"
    with server.client() as client:
        assert client.request("POST", target, MIXED, content_type=MULTIPART).status == 500
    assert server.wait("form TURBO_EIO")
    with server.client() as client:
        assert client.get("/").body == b"hello"


def test_no_room_for_the_temporary_file_is_507(server) -> None:
    """A limit on the size of files, which write(2) reports like a full disk."""
    before = descriptors(server.pid)
    body = part("name=f; filename=x", pattern(3 * MIB)) + END
    limit = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2 * MIB, limit[1]))
    with server.client() as client:
        answer = client.request("POST", "/form-stream", body, content_type=MULTIPART)
        assert (answer.status, answer.body) == (507, b'{"detail":"Insufficient Storage"}')
    assert server.wait("form TURBO_ENOSPACE")
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limit)
    with server.client() as client:
        answer = client.request("POST", "/form-stream", body, content_type=MULTIPART)
        assert answer.body.decode() == line("f", "@x", "", pattern(3 * MIB), "file")
        assert descriptors(server.pid) == before + 1


# --- large uploads -------------------------------------------------------------------


def test_large_files_go_to_a_file_without_a_name(server, tmp_path: Path) -> None:
    before = descriptors(server.pid)
    body = (
        part("name=f; filename=1", pattern(1000))
        + part("name=f; filename=2", pattern(1001))
        + part("name=f; filename=3", pattern(300_000))
        + END
    )
    with server.client() as client:
        target = f"/form-stream?spool_past=1000&directory={tmp_path}"
        answer = client.request("POST", target, body, content_type=MULTIPART)
    assert answer.body.decode() == (
        line("f", "@1", "", pattern(1000))
        + line("f", "@2", "", pattern(1001), "file")
        + line("f", "@3", "", pattern(300_000), "file")
    )
    assert list(tmp_path.iterdir()) == []
    with server.client() as client:
        client.get("/")
        assert descriptors(server.pid) == before + 1  # this connection


def test_a_file_comes_back_from_the_temporary_file(server) -> None:
    data = pattern(3 * MIB, 7)
    body = part("name=x; filename=y", pattern(2 * MIB)) + part("name=f; filename=z", data) + END
    with server.client() as client:
        for _ in range(2):
            answer = client.request("POST", "/form-echo", body, content_type=MULTIPART)
            assert answer.body == data


def test_an_upload_of_64_mib_takes_little_memory(server, client: Client) -> None:
    block = pattern(MIB)
    count = 64
    head = part("name=f; filename=big", b"")[:-2]
    tail = b"\r\n" + part("name=a", b"last") + END
    length = len(head) + count * MIB + len(tail)
    before = peak_memory(server.pid)
    client.send(
        message("POST", "/form-stream", content_length=str(length), content_type=MULTIPART) + head
    )
    for _ in range(count):
        client.send(block)
    client.send(tail)
    name, filename, _, size, total, where = client.read().body.decode().splitlines()[0].split("|")
    assert (name, filename, size, where) == ("f", "@big", str(count * MIB), "file")
    assert int(total) == count * sum(block)
    assert peak_memory(server.pid) - before < 8 * MIB
    assert client.get("/").body == b"hello"


def send_half(client: Client, target: str) -> None:
    body = part("name=f; filename=big", pattern(3 * MIB))
    client.send(
        message("POST", target, content_length=str(len(body) * 2), content_type=MULTIPART) + body
    )


def wait_for_descriptors(pid: int, least: int) -> None:
    while descriptors(pid) < least:
        time.sleep(0.001)  # only to leave the processor to the server


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_mid_upload_leaves_nothing(server, how: str) -> None:
    before = descriptors(server.pid)
    for _ in range(3):
        client = server.client()
        send_half(client, "/form-stream")
        wait_for_descriptors(server.pid, before + 2)  # the connection's and the file's
        client.close() if how == "close" else client.reset()
        assert server.wait("form TURBO_ECANCELLED")
        assert descriptors(server.pid) == before


def test_a_handler_that_gives_up_mid_upload_leaves_nothing(server) -> None:
    before = descriptors(server.pid)
    for at_once in (False, True):
        for _ in range(3):
            client = server.client()
            if at_once:
                headers = {"content_length": "10", "content_type": MULTIPART}
                client.send(message("POST", "/form-impatient?now=1", **headers))
            else:
                send_half(client, "/form-impatient")
            with server.client() as other:
                if not at_once:
                    wait_for_descriptors(server.pid, before + 3)  # two connections and the file
                    assert other.get("/give-up").body == b"gave up"
                assert client.at_end()
                assert other.get("/").body == b"hello"  # the worker has had its turn since
                assert descriptors(server.pid) == before + 1
            client.close()


def test_a_malformed_part_far_into_an_upload(server) -> None:
    before = descriptors(server.pid)
    body = part("name=f; filename=big", pattern(2 * MIB)) + b"------B\r\nno header\r\n"
    with server.client() as client:
        client.send(
            message("POST", "/form-stream", content_length=str(100 * MIB), content_type=MULTIPART)
            + body
        )
        assert client.read().status == 400
    assert server.wait("form TURBO_EPROTOCOL").endswith("a header field of a part has no colon")
    with server.client() as client:
        assert client.get("/").body == b"hello"
        assert descriptors(server.pid) == before + 1
