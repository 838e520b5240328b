"""Asks a running `signpipe serve` from Python, with the standard library alone.

    python examples/ask_server.py road.jpg                   # which signs are on a picture
    python examples/ask_server.py --recording drive.mp4      # send in a recording, wait for it, and list its signs

A token, where the server wants one, is taken from SIGNPIPE_TOKEN.
"""

import argparse
import json
import mimetypes
import os
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


class Client:
    """A server, by its address."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream") -> Any:
        """Return the answer's JSON."""
        headers = {**self._headers, "Content-Type": kind} if body is not None else self._headers
        request = urllib.request.Request(self._address + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)

    def detect(self, picture: Path) -> list[dict[str, Any]]:
        """Return the signs on a picture."""
        kind = mimetypes.guess_type(picture.name)[0] or "image/jpeg"
        signs: list[dict[str, Any]] = self.ask("POST", "/v1/detect", picture.read_bytes(), kind)["pictures"][0]["signs"]
        return signs

    def watch(self, recording: Path) -> list[dict[str, Any]]:
        """Send in a recording, wait until it has been watched, and return its signs.

        Raises:
            RuntimeError: It can't be watched.
        """
        name = urllib.parse.quote(recording.name)
        job = self.ask("POST", f"/v1/jobs?name={name}", recording.read_bytes())
        while job["state"] in ("queued", "running"):
            time.sleep(1)
            job = self.ask("GET", f"/v1/jobs/{job['id']}")
        if job["state"] != "done":
            raise RuntimeError(job["reason"])
        signs: list[dict[str, Any]] = self.ask("GET", f"/v1/signs?source=job-{job['id']}&limit=500")["signs"]
        return signs


def main() -> None:
    """Print the signs of a picture or a recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--server", default="http://127.0.0.1:8480")
    given = parser.parse_args()
    client = Client(given.server, os.environ.get("SIGNPIPE_TOKEN"))
    signs = client.watch(given.recording) if given.recording else client.detect(given.picture)
    for sign in signs:
        print(f"{sign['title'] or 'unknown ' + (sign['category'] or 'sign')}: {sign['verdict']}, {sign['reason']}")


if __name__ == "__main__":
    main()
