"""The server as a client sees it: pictures, sources, signs and events over real connections."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

from tests.support.serving import Server

pytestmark = pytest.mark.slow

JPEG = {"content-type": "image/jpeg"}


def shape(data: bytes) -> tuple[int, ...]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    height, width, channels = image.shape
    return height, width, channels


def test_it_says_that_it_lives_and_is_ready(server: Server) -> None:
    assert server.get("/healthz") == {"status": "ok", "reasons": []}
    assert server.get("/readyz")["status"] == "ready"


def test_a_picture_comes_back_as_signs(server: Server, picture: bytes) -> None:
    answer = server.client.post("/v1/detect", content=picture, headers=JPEG)
    (found,) = answer.json()["pictures"]
    assert (found["width"], found["height"]) == (1280, 720)
    sure = [sign for sign in found["signs"] if sign["verdict"] == "confirmed"]
    assert sure
    for sign in sure:
        left, top, right, bottom = sign["box"]
        assert 0 <= left < right <= 1280
        assert 0 <= top < bottom <= 720
        assert sign["title"]


def test_a_batch_comes_back_in_order(server: Server, picture: bytes) -> None:
    blank = cv2.imencode(".png", np.zeros((64, 96, 3), np.uint8))[1].tobytes()
    parts = [("picture", ("a.png", blank, "image/png")), ("picture", ("b.jpg", picture, "image/jpeg"))]
    first, second = server.client.post("/v1/detect", files=parts).json()["pictures"]
    assert (first["width"], first["signs"]) == (96, [])
    assert second["width"] == 1280
    assert second["signs"]


def test_signs_are_stored_told_and_shown(server: Server) -> None:
    page = server.wait_for(lambda: server.get("/v1/signs", limit=1)["signs"], "a sign")
    sign = page[0]
    assert sign["source"] == "road"
    assert server.get(f"/v1/signs/{sign['id']}")["class_name"] == sign["class_name"]
    crop = server.client.get(f"/v1/signs/{sign['id']}/crop")
    assert crop.headers["content-type"] == "image/jpeg"
    assert shape(crop.content) == (96, 96, 3)


def test_signs_are_paged_without_doubles(server: Server) -> None:
    server.wait_for(lambda: len(server.get("/v1/signs", limit=3)["signs"]) == 3, "three signs")
    first = server.get("/v1/signs", limit=2)
    second = server.get("/v1/signs", limit=2, before=first["next"])
    numbers = [sign["id"] for sign in (*first["signs"], *second["signs"])]
    assert numbers == sorted(set(numbers), reverse=True)


def test_signs_are_filtered(server: Server) -> None:
    (sign,) = server.wait_for(lambda: server.get("/v1/signs", limit=1)["signs"], "a sign")
    name = sign["class_name"]
    assert {one["class_name"] for one in server.get("/v1/signs", class_name=name)["signs"]} == {name}
    assert server.get("/v1/signs", source="nowhere")["signs"] == []
    assert server.get("/v1/signs", until=1.0)["signs"] == []
    assert server.get("/v1/signs", since=sign["first"] - 1)["signs"]


def test_a_source_tells_how_it_does(server: Server) -> None:
    stats = server.wait_for(lambda: server.source("road")["stats"], "statistics")
    source = server.source("road")
    assert source["state"] == "running"
    assert source["info"]["width"] == 1280
    assert stats["frames"] > 0
    assert stats["latency_ms"]["p50"] > 0


def test_a_picture_of_a_source_has_a_width_for_a_page(server: Server) -> None:
    answer = server.client.get("/v1/sources/road/picture")
    assert shape(answer.content) == (540, 960, 3)
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_pictures_come_one_after_the_other(server: Server) -> None:
    with server.client.stream("GET", "/v1/sources/road/stream") as answer:
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
        data = b""
        for part in answer.iter_bytes():
            data += part
            if data.count(b"--picture\r\n") >= 3:
                break
    assert data.count(b"\xff\xd8\xff") >= 2


def test_a_viewer_gets_a_picture_for_each_that_it_asks_for(server: Server) -> None:
    with connect(server.address.replace("http", "ws") + "/v1/sources/road/socket") as socket:
        for _ in range(2):
            socket.send("next")
            assert shape(bytes(socket.recv(60))) == (540, 960, 3)  # type: ignore[arg-type]


def first_event(server: Server, kind: str) -> dict[str, Any]:
    """Listen to the server-sent events until one of a kind comes."""
    name = ""
    with server.client.stream("GET", "/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == kind:
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found
    raise AssertionError("the stream of events ended")


def test_events_are_told_as_they_happen(server: Server) -> None:
    assert first_event(server, "sign")["source"] == "road"


def test_a_socket_tells_the_same(server: Server) -> None:
    with connect(server.address.replace("http", "ws") + "/v1/events/socket") as socket:
        kinds = {json.loads(socket.recv(60))["kind"] for _ in range(3)}
    assert kinds <= {"sign", "stats", "advisory", "source", "job"}


def test_who_listens_again_hears_what_was_missed(server: Server) -> None:
    with server.client.stream("GET", "/v1/events", headers={"last-event-id": "0"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                assert int(line.removeprefix("id: ")) >= 1
                return


def test_many_ask_at_once(server: Server, picture: bytes) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(server.client.post("/v1/detect", content=picture, headers=JPEG).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 4


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/"])
def test_pages_load_nothing_from_elsewhere(server: Server, path: str) -> None:
    answer = server.client.get(path)
    assert answer.status_code == 200
    assert "https://" not in answer.text.replace("https://json-schema.org", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_knows_its_classes(server: Server) -> None:
    names = {one["name"] for one in server.get("/v1/classes")["classes"]}
    assert {"stop", "speed_limit_50"} <= names


def test_prometheus_gets_the_counts_of_sources_and_of_the_server(server: Server) -> None:
    def counted() -> bool:
        return 'signpipe_frames_total{source="road"}' in server.client.get("/metrics").text

    server.wait_for(counted, "the source's counts")
    text = server.client.get("/metrics").text
    assert 'signpipe_source_up{source="road"} 1.0' in text
    assert 'signpipe_source_restarts_total{source="road"} 0.0' in text
    assert 'signpipe_http_requests_total{method="GET",route="/healthz",status="200"}' in text
    assert "signpipe_database_up 1.0" in text


def test_the_example_asks_from_python(server: Server, picture: bytes, tmp_path: Path) -> None:
    (tmp_path / "road.jpg").write_bytes(picture)
    example = Path(__file__).parents[2] / "examples" / "ask_server.py"
    command = [sys.executable, str(example), str(tmp_path / "road.jpg"), "--server", server.address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert ": confirmed, vision: " in done.stdout
