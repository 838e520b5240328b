"""What an attacker tries, each against the real server; it must refuse, and go on."""

import http.client
import io
import json
import socket
import struct
import zlib
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from tests.support.serving import Server

pytestmark = pytest.mark.slow

JPEG = {"content-type": "image/jpeg"}
PNG = {"content-type": "image/png"}


@pytest.fixture(autouse=True)
def still_well(server: Server) -> None:
    """Whatever the test before did, the server answers."""
    assert server.get("/healthz")["status"] == "ok"


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose head says any size, whatever is in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data or zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )


def bomb() -> bytes:
    """A PNG of 64 million grey pixels in some 300 kB."""
    return png(8_000, 8_000, zlib.compress(b"\0" * 8_001 * 8_000, 1))


def detect(server: Server, content: bytes, headers: dict[str, str]) -> httpx.Response:
    answer = server.client.post("/v1/detect", content=content, headers=headers)
    assert isinstance(answer.json()["detail"], str)
    return answer


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (png(60_000, 60_000), PNG, 413),
        (png(2_147_483_647, 1), PNG, 413),
        (png(1, 1), PNG, 422),
        (png(100, 100), PNG, 422),
        (b"", PNG, 422),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, JPEG, 422),
        (png(100, 100), JPEG, 422),
        (b"GIF89a" + b"\0" * 50, {"content-type": "image/gif"}, 415),
        (b"<svg/>", {"content-type": "image/svg+xml"}, 415),
        (b"%PDF", {}, 415),
        (b"x" * (2 * 2**20 + 1), JPEG, 413),
    ],
)
def test_bad_pictures_are_refused_in_one_sentence(
    server: Server, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert detect(server, content, headers).status_code == status


def memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_a_decompression_bomb_isnt_decoded(server: Server) -> None:
    data, before = bomb(), memory(server.pid)
    assert len(data) < 2 * 2**20
    assert detect(server, data, PNG).status_code == 413
    assert memory(server.pid) - before < 50 * 2**20


def test_a_bomb_inside_a_batch_is_found_too(server: Server) -> None:
    small = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    parts = [("picture", ("a.png", small, "image/png")), ("picture", ("b.png", bomb(), "image/png"))]
    assert server.client.post("/v1/detect", files=parts).status_code == 413


def test_too_large_a_batch_is_refused(server: Server) -> None:
    parts = [("picture", (f"{number}.png", b"x", "image/png")) for number in range(4)]
    assert server.client.post("/v1/detect", files=parts).status_code == 400


def test_a_body_that_lies_about_its_length_isnt_read_to_its_end(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        headers = {**JPEG, "Transfer-Encoding": "chunked"}
        connection.request("POST", "/v1/detect", io.BytesIO(b"x" * (8 * 2**20)), headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was closed while more was being sent
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/%2e%2e/app.py",
        "/page/..%2f..%2fsettings.py",
        "/page//etc/passwd",
        "/docs/files/../../../../etc/passwd",
        "/v1/jobs/0123456789abcdef/files/..%2f..%2fsignpipe.db",
        "/v1/jobs/..%2f..%2f/files/signs.json",
        "/v1/review/..%2f..%2fsignpipe.db/crop",
        "/v1/review/20260101-000000-%2e%2e%2f/crop",
        "/v1/sources/..%2froad",
    ],
)
def test_no_path_leads_out_of_its_folder(server: Server, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status in (404, 405, 422)
    assert b"root:" not in content
    assert b"import" not in content


@pytest.mark.parametrize("name", ["../evil.mp4/x", "evil.exe", "evil", ".mp4/..", "a" * 300 + ".mp4", "x.mp4\0.exe"])
def test_a_recording_cant_choose_where_it_lies(server: Server, name: str) -> None:
    def lying() -> list[Path]:
        """What lies in the server's folder, but for what the road that it watches leaves meanwhile."""
        own = (server.data / "review", *server.data.glob("signpipe.db*"))
        return sorted(path for path in server.folder.rglob("*") if not any(path.is_relative_to(one) for one in own))

    before = lying()
    answer = server.client.post("/v1/jobs", params={"name": name}, content=b"")
    assert answer.status_code in (415, 422)
    assert lying() == before


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "../drive.mp4",
        "0",
        "/dev/video0",
        "concat:/etc/passwd|/etc/hosts",
        "subfile,,start,0,end,10,,:/etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/x.mp4",
        "s3://bucket/x",
        "http://",
        "http://user@other@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://exa mple.org/",
        "http://example.org:0/",
        "http://[::1",
        "rtsp://example.org/\r\nHost: x",
    ],
)
def test_a_source_cant_be_anything_but_a_stream(server: Server, address: str) -> None:
    answer = server.client.post("/v1/sources", json={"name": "evil", "address": address})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)
    assert [source["name"] for source in server.get("/v1/sources")["sources"]] == ["road"]


def test_a_source_cant_lead_into_the_servers_own_network(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as secret:
        port = secret.getsockname()[1]
        secret.settimeout(0.1)
        body = {"name": "inner", "address": f"http://127.0.0.1:{port}/admin"}
        answer = server.client.post("/v1/sources", json=body)
        assert answer.status_code == 422
        assert "private or local network" in answer.json()["detail"]
        with pytest.raises(TimeoutError):
            secret.accept()


def test_logins_in_addresses_arent_shown(server: Server) -> None:
    body = {"name": "login", "address": "rtsp://admin:hunter2@camera.invalid/main?token=sesame"}
    answer = server.client.post("/v1/sources", json=body)
    try:
        shown = answer.text + json.dumps(server.get("/v1/sources"))
        assert answer.status_code == 201
        assert "hunter2" not in shown
        assert "sesame" not in shown
    finally:
        server.client.delete("/v1/sources/login")
    assert not any("hunter2" in line or "sesame" in line for line in server.log)


def test_another_name_of_this_machine_isnt_answered(server: Server) -> None:
    for host in ("evil.example", "evil.example:8480", "127.0.0.1.evil.example", ""):
        assert server.client.get("/v1/sources", headers={"host": host}).status_code == 421
    for host in ("localhost", "127.0.0.1", f"localhost:{server.port}", "[::1]:80"):
        assert server.client.get("/v1/sources", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    assert server.client.post("/v1/sources/road/restart", headers=headers).status_code == 403
    assert server.client.delete("/v1/sources/road", headers=headers).status_code == 403
    with pytest.raises(InvalidStatus):
        connect(server.address.replace("http", "ws") + "/v1/events/socket", additional_headers=headers)


def test_no_page_may_show_or_read_the_answers_elsewhere(server: Server) -> None:
    answer = server.client.get("/v1/sources", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def closed_within(connection: socket.socket, patience: float) -> bool:
    """Read until the server closes; False if it doesn't."""
    connection.settimeout(patience)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nabc",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTT",
    ],
    ids=["nothing", "half a head", "half a body", "half a second request"],
)
def test_a_slow_request_is_closed(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(sent)
        assert closed_within(connection, 60)


def test_a_client_that_never_reads_is_closed(server: Server) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", server.port))
        before = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        connection.sendall(b"GET /v1/sources/road/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.wait_for(lambda: len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < before, "the connection's end")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000,
    ],
    ids=["TLS", "version", "two lengths", "two other lengths", "long path", "many headers"],
)
def test_what_is_no_http_is_closed(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        try:
            connection.sendall(sent)
        except OSError:
            return  # closed already
        assert closed_within(connection, 60)


@pytest.mark.parametrize("name", ["'; DROP TABLE signs; --", '" OR 1=1', "\0", "💥", "%00", "a" * 64])
def test_words_of_sql_are_only_words(server: Server, name: str) -> None:
    assert server.client.get("/v1/signs", params={"source": name}).json()["signs"] == []
    assert server.client.get("/v1/signs", params={"class_name": name}).json()["signs"] == []


def test_deeply_nested_json_is_refused(server: Server) -> None:
    text = '{"name": ' + "[" * 100_000 + "]" * 100_000 + "}"
    answer = server.client.post("/v1/sources", content=text, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


def test_a_large_message_over_a_socket_is_refused(server: Server) -> None:
    with connect(server.address.replace("http", "ws") + "/v1/sources/road/socket", max_size=None) as connection:
        connection.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.recv(60)


def test_a_label_must_be_a_class(server: Server) -> None:
    answer = server.client.put(
        "/v1/review/20260101-000000-abcdef/label", json={"label": "../../x", "labeller": "<script>"}
    )
    assert answer.status_code == 404
