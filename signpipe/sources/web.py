"""What a web server says of what it serves: whether it has an end, and what it begins with."""

from __future__ import annotations

import base64
import http.client
import ssl
import urllib.request
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from signpipe.sources.content import HEAD, MANY_JPEGS

LARGEST_PICTURE: Final = 256 * 2**20  # bytes of a picture that is fetched


@dataclass(frozen=True, slots=True)
class Resource:
    """What a server answers.

    Attributes:
        address: The whole address, with credentials.
        length: Bytes, or None where it doesn't say: then there is no end to wait for.
        kind: Its content type, in lower case, or "".
        head: The first bytes.
        redirects: Whether the server may send on to another address.
    """

    address: str
    length: int | None
    kind: str
    head: bytes
    redirects: bool = True

    @property
    def is_many_jpegs(self) -> bool:
        """True for JPEG after JPEG in one file, which begins as a picture does."""
        return urlsplit(self.address).path.lower().endswith(MANY_JPEGS)

    @property
    def may_be_mjpeg(self) -> bool:
        """True for what may hold pictures behind headers that FFmpeg doesn't know."""
        return self.kind.startswith("multipart/") or self.head.startswith((b"\xff\xd8\xff", b"--"))

    def fetch(self, timeout: float) -> bytes:
        """Return all of it, which must be no more than `LARGEST_PICTURE`.

        Raises:
            OSError: It can't be fetched, or is larger.
        """
        with _open(self.address, timeout, self.redirects) as answer:
            data: bytes = answer.read(LARGEST_PICTURE + 1)
        if len(data) > LARGEST_PICTURE:
            raise OSError(f"over {LARGEST_PICTURE} bytes")
        return data


def ask(address: str, timeout: float, redirects: bool = True) -> Resource | None:
    """Return what a server answers, or None if it doesn't.

    Args:
        address: http or https, with or without credentials.
        timeout: Seconds for each step.
        redirects: Whether the server may send on to another address.
    """
    try:
        with _open(address, timeout, redirects) as answer:
            length = answer.headers.get("Content-Length", "")
            kind = answer.headers.get("Content-Type", "").lower()
            size = int(length) if length.isdecimal() else None
            return Resource(address, size, kind, answer.read(HEAD), redirects)
    except (OSError, http.client.HTTPException, ValueError):
        return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes an answer that sends on to another address for a refusal."""

    def redirect_request(self, *_args: object) -> None:
        """Follow nothing."""


def _open(address: str, timeout: float, redirects: bool) -> http.client.HTTPResponse:
    """Open an address; the credentials in it go into a header, as they belong.

    Raises:
        OSError: The server can't be reached, refuses, or sends on to another address and may not.
        ValueError: It is no address.
    """
    parts = urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))
    if login:
        token = base64.b64encode(unquote(login).encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=_any_certificate())]
    opener = urllib.request.build_opener(*handlers, *([] if redirects else [_NoRedirects()]))
    answer: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    return answer


def _any_certificate() -> ssl.SSLContext:
    """Return a context that takes cameras' own certificates, as FFmpeg does for the stream itself."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
