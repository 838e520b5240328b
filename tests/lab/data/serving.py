"""A web server on this machine that knows ranges, and can be told to fail as real ones do."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served, how, and what was asked for.

    Attributes:
        files: Path -> content.
        cuts: For each coming answer, after how many bytes of its body to cut the connection; then no more.
        codes: For each coming answer, a status to give in place of the file; then no more.
        ranges: Whether parts of a file can be asked for.
        tag: The ETag of every file, or None.
        requests: Path and Range header of each request so far.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    ranges: bool = True
    tag: str | None = '"1"'
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve() -> Iterator[Site]:
    """Run the server while the block runs."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the base class looks for
            wanted = self.headers.get("Range")
            site.requests.append((self.path, wanted))
            if site.codes:
                self.send_error(site.codes.pop(0))
                return
            if self.path not in site.files:
                self.send_error(404)
                return
            self._send(site.files[self.path], wanted)

        def _send(self, body: bytes, wanted: str | None) -> None:
            current = self.headers.get("If-Range") in (None, site.tag)
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "") if site.ranges and current else None
            start = int(match[1]) if match else 0
            if match and start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if match else 200)
            if match:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if site.tag:
                self.send_header("ETag", site.tag)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = start + site.cuts.pop(0) if site.cuts else len(body)
            with suppress(ConnectionError):  # a client that was stopped
                self.wfile.write(body[start:end])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
