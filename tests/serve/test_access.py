"""Tokens: demanded beyond loopback, hashed, compared, and given by a browser once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signpipe.errors import SettingsError
from signpipe.serve.security import Access, Buckets, is_loopback, known_hash, new_token
from signpipe.serve.service import Service
from signpipe.serve.settings import ServeSettings
from tests.support.serving import Server

TOKEN = "correct-horse-battery-staple-0123456789"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"limits": {"requests": 5.0, "burst": 60}, "server": {"host": "0.0.0.0"}}
    folder = tmp_path_factory.mktemp("guarded")
    with Server(folder, settings, environment={"SIGNPIPE_TOKEN": TOKEN}, token=TOKEN) as server:
        yield server


def asked(server: Server, path: str, **options: object) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=60, **options)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/sources", "/v1/signs", "/v1/events", "/v1/review", "/metrics", "/v1/jobs"])
def test_nothing_is_told_without_the_token(guarded: Server, path: str) -> None:
    answer = asked(guarded, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/page/main.js"])
def test_health_and_the_page_itself_need_none(guarded: Server, path: str) -> None:
    assert asked(guarded, path).status_code == 200


@pytest.mark.slow
def test_the_token_lets_in_and_is_nowhere_to_be_read(guarded: Server) -> None:
    assert guarded.get("/v1/sources") == {"sources": []}
    assert not any(TOKEN in line for line in guarded.log)
    environment = Path(f"/proc/{guarded.pid}/environ").read_bytes()  # as it was given; children get it without
    assert TOKEN.encode() in environment
    for path in guarded.data.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


@pytest.mark.slow
def test_a_browser_gives_the_token_once(guarded: Server) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{guarded.port}", timeout=60) as browser:
        assert browser.get("/v1/session").json() == {"needs_token": True, "open": False}
        assert browser.post("/v1/session", json={"token": "x" * 40}).status_code == 401
        opened = browser.post("/v1/session", json={"token": TOKEN})
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in opened.headers["set-cookie"]
        assert browser.get("/v1/sources").status_code == 200
        assert browser.delete("/v1/session").status_code == 204
        assert browser.get("/v1/sources").status_code == 401


@pytest.mark.slow
def test_guessing_is_slowed_down_and_so_is_asking(guarded: Server) -> None:
    wrong = [{"authorization": f"Bearer {number:040}"} for number in range(40)]
    statuses = [asked(guarded, "/v1/signs", headers=headers).status_code for headers in wrong]
    assert set(statuses) == {401, 429}


def test_it_refuses_to_listen_elsewhere_without_a_token(tmp_path: Path) -> None:
    settings = ServeSettings(server={"host": "0.0.0.0", "data": tmp_path})
    with pytest.raises(SettingsError, match="a token is needed"):
        Service(settings)


def test_a_token_is_made_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    token = new_token(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert token not in file.read_text()
    access = Access(known_hash(tmp_path))
    assert access.needs_token
    assert access.knows(token)
    assert not access.knows(token[:-1])
    assert not access.knows("")


def test_a_short_token_of_the_environment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNPIPE_TOKEN", "secret")
    with pytest.raises(SettingsError, match="too short"):
        known_hash(tmp_path)


@pytest.mark.slow
def test_the_command_prints_a_token_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "signpipe", "serve", "--new-token", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert Access(known_hash(tmp_path)).knows(done.stdout.strip())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_bucket_is_full_at_first_and_then_empty() -> None:
    buckets = Buckets(rate=0.001, size=3)
    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.wait("a") > 0
    assert buckets.wait("b") == 0
