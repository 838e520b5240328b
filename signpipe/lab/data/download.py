"""Downloading a large file that may break off, and going on where it did.

pooch, which would be the library for it, starts from the first byte again each time: of a set of 1.6 GB on a line that
breaks off, it may never see the end.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from signpipe.errors import OutputError, SourceError
from signpipe.version import VERSION

CHUNK = 1 << 18
TRIES = 5  # in a row without a byte of progress
TIMEOUT = 60.0  # seconds without an answer
PAUSE = 2.0  # seconds before the second try; doubled each time
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that may be other ones soon

Progress = Callable[[int, int | None], None]


class _BrokenOffError(Exception):
    """The connection failed in a way that another try may mend."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads files over HTTP, with retries.

    Attributes:
        tries: How often to try without a byte of progress before giving up.
        pause: Seconds before the second try; doubled each time, up to a minute.
        timeout: Seconds to wait for an answer.
    """

    tries: int = TRIES
    pause: float = PAUSE
    timeout: float = TIMEOUT

    def fetch(self, url: str, target: Path, progress: Progress) -> None:
        """Download a file; until it is whole it is called TARGET.part, and a later call goes on from there.

        Args:
            url: http:// or https:// address.
            target: The file to write.
            progress: Called with the bytes that are there and their total, or None where the server doesn't tell.

        Raises:
            SourceError: The address is wrong, or the connection fails time after time.
            OutputError: The file can't be written.
        """
        if not re.match(r"https?://[^/\s@]+/", url, re.IGNORECASE):
            raise SourceError("The address of the data set must start with http:// or https:// and hold no password.")
        part = target.with_name(f"{target.name}.part")
        failures, reached = 0, -1
        while True:
            try:
                self._attempt(url, part, progress)
                part.replace(target)
                return
            except _BrokenOffError as reason:
                size = part.stat().st_size if part.exists() else 0
                failures = 1 if size > reached else failures + 1
                reached = max(reached, size)
                if failures >= self.tries:
                    raise SourceError(
                        f"Downloading {url} failed {failures} times in a row ({reason}); {size / 1e6:.1f} MB are kept, "
                        "so run the command again to go on from there."
                    ) from None
                time.sleep(min(self.pause * 2 ** (failures - 1), 60.0))
            except urllib.error.HTTPError as error:
                raise SourceError(
                    f"{url} can't be downloaded, the server says {error.code} {error.reason}; has the data set moved? "
                    "Give another address with --base-url."
                ) from None
            except OSError as error:
                raise OutputError(f"{part} can't be written ({error.strerror or error}); is the disk full?") from None

    def _attempt(self, url: str, part: Path, progress: Progress) -> None:
        """Download what is missing of a file.

        Raises:
            _BrokenOffError: It failed, and another try may go on.
            urllib.error.HTTPError: The server refused.
            OSError: The file can't be written.
        """
        here = part.stat().st_size if part.exists() else 0
        version_file = part.with_name(f"{part.name}-version")
        headers = {"User-Agent": f"signpipe/{VERSION}", "Accept-Encoding": "identity"}
        if here:
            headers["Range"] = f"bytes={here}-"
            if version_file.exists():
                headers["If-Range"] = version_file.read_text()
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=self.timeout)
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                _settle(part, here, error)
                return
            if error.code in PASSING:
                raise _BrokenOffError(f"the server says {error.code} {error.reason}") from None
            raise
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenOffError(_reason(error)) from None
        with answer:
            start, total = _extent(answer, here)
            _remember_version(answer, version_file)
            _receive(answer, part, start, total, progress)
        version_file.unlink(missing_ok=True)


def _settle(part: Path, here: int, error: urllib.error.HTTPError) -> None:
    """Deal with a server that has nothing after the part that is here: it is whole, or of another file."""
    if error.headers.get("Content-Range", "") != f"bytes */{here}":
        part.unlink()
        raise _BrokenOffError("the part that was there doesn't fit the file any more") from None


def _extent(answer: http.client.HTTPResponse, here: int) -> tuple[int, int | None]:
    """Return where an answer starts in the file, and how long the whole file is."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        if match is None or int(match[1]) != here:
            raise _BrokenOffError("the server sent another part than was asked for")
        return here, None if match[2] == "*" else int(match[2])
    # The server knows no ranges, or the file has changed since: all of it comes.
    length = answer.headers.get("Content-Length")
    return 0, int(length) if length and length.isdecimal() else None


def _remember_version(answer: http.client.HTTPResponse, version_file: Path) -> None:
    """Keep what tells this version of the file from others, so that parts of two are never put together."""
    tag = answer.headers.get("ETag", "")
    version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")
    if version:
        version_file.write_text(version)
    else:
        version_file.unlink(missing_ok=True)


def _receive(answer: http.client.HTTPResponse, part: Path, start: int, total: int | None, progress: Progress) -> None:
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        done = start
        progress(done, total)
        while True:
            try:
                chunk = answer.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _BrokenOffError(_reason(error)) from None
            if not chunk:
                break
            file.write(chunk)
            done += len(chunk)
            progress(done, total)
    # A connection that is cut reads like the end of the file.
    if total is not None and done < total:
        raise _BrokenOffError(f"the connection broke off at {done} of {total} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
