"""Which addresses may be added, and where they lead."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from signpipe.errors import SettingsError, SourceError
from signpipe.serve.addresses import checked_address, is_public, refuse_private, settled
from signpipe.settings import CaptureSettings
from signpipe.sources import open_source
from signpipe.sources.web import ask


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_what_isnt_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"])
@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_every_way_to_write_this_machine_is_known(scheme: str, host: str) -> None:
    address = f"{scheme}://{host}/road"
    with pytest.raises(SettingsError, match="private or local network"):
        refuse_private(address)
    with pytest.raises(SourceError, match="private or local network"):
        settled(address, 5.0)


def test_recordings_come_from_their_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "drive.mp4").touch()
    (tmp_path / "secret.mp4").touch()
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    assert checked_address("drive.mp4", folder) == str(folder / "drive.mp4")
    for name in ("../secret.mp4", "link.mp4", str(tmp_path / "secret.mp4"), "", ".", "nothing.mp4", "a\0b"):
        with pytest.raises(SettingsError, match="no such file"):
            checked_address(name, folder)


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """A web server that sends everything on to its own /inner, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302 if self.path != "/inner" else 200)
            self.send_header("Location", "/inner")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/road", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_opens_a_source_follows_no_redirection_that_it_may_not(redirecting: tuple[str, list[str]]) -> None:
    address, asked = redirecting
    with pytest.raises(SourceError):
        open_source(address, CaptureSettings(redirects=False, open_timeout=5.0))
    assert asked
    assert "/inner" not in asked


def test_elsewhere_redirections_are_followed(redirecting: tuple[str, list[str]]) -> None:
    address, asked = redirecting
    found = ask(address, 5.0)
    assert found is not None
    assert asked == ["/road", "/inner"]
