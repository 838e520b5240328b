"""Who may ask: a token, the right host and origin, and not too often."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signpipe.errors import OutputError, SettingsError

VARIABLE: Final = "SIGNPIPE_TOKEN"
COOKIE: Final = "signpipe"
SESSION: Final = 12 * 3600.0  # seconds
_TOKEN_FILE = "token.sha256"
_SHORTEST = 32  # characters of a token that comes from elsewhere
_MOST_CLIENTS = 4096
_MOST_SESSIONS = 1024
FAILURES, FAILURE_RATE = 10, 0.2  # wrong tokens of one client at once, and a second
_OPEN = ("/healthz", "/readyz", "/", "/favicon.ico", "/v1/session", "/openapi.json", "/docs")  # need no token
_OPEN_FOLDERS = ("/page/", "/docs/")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DOCS_POLICY = _POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)  # the pages of FastAPI start their scripts in the page


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach what listens at an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token(data: Path) -> str:
    """Make a token, keep its hash, and return it: it is never seen again.

    Raises:
        OutputError: The hash can't be written.
    """
    token = secrets.token_urlsafe(32)
    path = data / _TOKEN_FILE
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(_hash(token) + "\n")
    except OSError as error:
        raise OutputError(
            f"The token can't be kept in {path} ({error.strerror}); name another folder (--data)."
        ) from None
    return token


def known_hash(data: Path) -> str | None:
    """Return the hash of the token that is asked for, or None if there is none.

    The environment's token counts before the one in the folder, and is taken out of the environment, so that no
    process that is started from here gets to know it.

    Raises:
        SettingsError: The environment's is too short to be safe.
        OutputError: The file can't be read.
    """
    given = os.environ.pop(VARIABLE, "")
    if given:
        if len(given) < _SHORTEST:
            raise SettingsError(f"The token in {VARIABLE} is too short: it needs {_SHORTEST} characters or more.")
        return _hash(given)
    path = data / _TOKEN_FILE
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"The token in {path} can't be read ({error}); make one with --new-token.") from None


def _hash(token: str) -> str:
    """Return what is kept of a token; tokens have 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Buckets:
    """Lets each client do something so often: a full bucket at first, which fills again at a rate.

    Args:
        rate: Times a second.
        size: Times at once.
    """

    def __init__(self, rate: float, size: int) -> None:
        self._rate, self._size = rate, float(size)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, take: bool = True) -> float:
        """Return 0 if a client may, else the seconds until it may.

        Args:
            client: Who asks.
            take: Whether that counts.
        """
        now = time.monotonic()
        level, then = self._levels.get(client, (self._size, now))
        level = min(level + (now - then) * self._rate, self._size)
        if level < 1:
            return (1 - level) / self._rate
        if take:
            self._levels[client] = level - 1, now
            self._levels.move_to_end(client)
            if len(self._levels) > _MOST_CLIENTS:
                self._levels.popitem(last=False)
        return 0.0


class Access:
    """Who is let in.

    Args:
        token_hash: Of the token, or None where none is asked for.
    """

    def __init__(self, token_hash: str | None) -> None:
        self._token_hash = token_hash
        self._sessions: OrderedDict[str, float] = OrderedDict()

    @property
    def needs_token(self) -> bool:
        """Whether a token is asked for."""
        return self._token_hash is not None

    def knows(self, token: str) -> bool:
        """Return whether a token is the right one, in a time that tells nothing of it."""
        return self._token_hash is not None and hmac.compare_digest(_hash(token), self._token_hash)

    def open_session(self) -> str:
        """Return a secret for the cookie of a browser that gave the token."""
        session = secrets.token_urlsafe(32)
        self._sessions[_hash(session)] = time.monotonic() + SESSION
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def end_session(self, session: str) -> None:
        """Forget a session."""
        self._sessions.pop(_hash(session), None)

    def lets_in(self, headers: Headers) -> bool:
        """Return whether a request brings the token, or a session that was opened with it."""
        if self._token_hash is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.knows(token.strip())
        session = session_of(headers)
        return session is not None and self._sessions.get(_hash(session), 0.0) > time.monotonic()


def session_of(headers: Headers) -> str | None:
    """Return the session in a request's cookies."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a request isn't answered."""

    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """The first thing that a request meets: refuses what may not be asked, and adds what protects a browser.

    Without a token only this machine can ask, and a page of another site that is open in its browser must not: the
    name by which it asks has to be one of this machine's own (no rebinding of names), and what changes anything has to
    come from a page of this server.

    Args:
        app: What answers.
        access: Who is let in.
        names: Host names by which the server may be asked without a token.
        requests: Requests of a client.
        failures: Wrong tokens of a client.
    """

    def __init__(
        self, app: ASGIApp, access: Access, names: Iterable[str], requests: Buckets, failures: Buckets
    ) -> None:
        self._app, self._access, self._requests, self._failures = app, access, requests, failures
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _protect(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> _Refusal | None:
        client, path = (scope.get("client") or ("", 0))[0], scope["path"]
        wait = self._requests.wait(client)
        if wait:
            return _too_often(wait)
        if not self._access.needs_token and not self._is_own_name(headers.get("host", "")):
            return _Refusal(421, "This server isn't known by that name; add it to server.names if it should be.")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and not _is_same_origin(headers):
            return _Refusal(403, "A page of another site can't ask for that.")
        if path in _OPEN or path.startswith(_OPEN_FOLDERS):
            return None
        wait = self._failures.wait(client, take=False)
        if wait:
            return _too_often(wait)
        if not self._access.lets_in(headers):
            self._failures.wait(client)
            bearer = ((b"www-authenticate", b"Bearer"),)
            return _Refusal(401, "A token is needed: send it as  Authorization: Bearer TOKEN.", bearer)
        return None

    def _is_own_name(self, host: str) -> bool:
        name = host.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        return name in self._names or is_loopback(name)


def _too_often(wait: float) -> _Refusal:
    return _Refusal(429, "That was asked too often; wait a moment.", ((b"retry-after", str(int(wait) + 1).encode()),))


def _is_same_origin(headers: Headers) -> bool:
    """Return whether a request comes from a page of this server, or from no browser's page at all."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()


def _protect(headers: MutableHeaders, path: str) -> None:
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-resource-policy"] = "same-origin"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["content-security-policy"] = _DOCS_POLICY if path.startswith("/docs") else _POLICY
    headers.setdefault("cache-control", "no-store")


async def _refuse(refusal: _Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.message})
        return
    body = json.dumps({"detail": refusal.message}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *refusal.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
