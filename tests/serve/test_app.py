"""The application without a process of its own: what it answers, and what it refuses, in a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from signpipe.serve.app import create_app
from signpipe.serve.service import Service
from signpipe.serve.settings import ServeSettings

JPEG = {"content-type": "image/jpeg"}
TOKEN = "correct-horse-battery-staple-0123456789"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    service = Service(ServeSettings(server={"data": tmp_path_factory.mktemp("data")}))
    try:
        with TestClient(create_app(service), base_url="http://127.0.0.1") as client:
            yield client
    finally:
        service.close()


def test_it_is_ready_and_has_nothing_yet(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "reasons": []}
    assert client.get("/v1/sources").json() == {"sources": []}
    assert client.get("/v1/signs").json()["signs"] == []


def test_a_picture_comes_back_as_signs(client: TestClient, picture: bytes) -> None:
    answer = client.post("/v1/detect", content=picture, headers=JPEG)
    (found,) = answer.json()["pictures"]
    assert any(sign["verdict"] == "confirmed" for sign in found["signs"])


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [(b"", JPEG, 422), (b"no picture", JPEG, 422), (b"GIF89a", {"content-type": "image/gif"}, 415)],
)
def test_what_is_no_picture_is_refused_in_one_sentence(
    client: TestClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/v1/detect", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "/etc/passwd", "0", "http://127.0.0.1/x", "http://[::1]/"])
def test_a_source_cant_lead_into_this_machine(client: TestClient, address: str) -> None:
    assert client.post("/v1/sources", json={"name": "evil", "address": address}).status_code == 422
    assert client.get("/v1/sources").json() == {"sources": []}


def test_another_name_and_another_site_are_refused(client: TestClient) -> None:
    assert client.get("/v1/sources", headers={"host": "evil.example"}).status_code == 421
    assert client.delete("/v1/sources/x", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_with_a_token_nothing_is_told_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNPIPE_TOKEN", TOKEN)
    service = Service(ServeSettings(server={"data": tmp_path, "host": "0.0.0.0"}))
    try:
        with TestClient(create_app(service), base_url="http://127.0.0.1") as client:
            assert client.get("/healthz").status_code == 200
            for path in ("/v1/sources", "/v1/signs", "/metrics"):
                assert client.get(path).status_code == 401
                assert client.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    finally:
        service.close()
