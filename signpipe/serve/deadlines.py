"""Nobody holds the server by being slow: a request's head, its body and the taking of an answer have their time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import h11
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

SLOWEST: Final = 16 * 1024  # bytes a second that a body must arrive at in the long run

_TRANSPORT: Final = "signpipe.transport"  # where a request's scope holds its connection


class Deadlines:
    """Gives each part of a request its time.

    Args:
        app: What answers.
        body_seconds: For the next part of a body to arrive, and what the whole may take beyond its size at `SLOWEST`.
        send_seconds: For a part of an answer to be taken.
    """

    def __init__(self, app: ASGIApp, body_seconds: float, send_seconds: float) -> None:
        self._app = app
        self._body_seconds, self._send_seconds = body_seconds, send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in time; one that isn't taken in time is broken off."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        late = False

        async def send_in_time(message: Message) -> None:
            nonlocal late
            try:
                await asyncio.wait_for(send(message), self._send_seconds)
            except TimeoutError:
                late = True
                raise

        in_time = self._body_in_time(receive) if scope["type"] == "http" else receive
        try:
            await self._app(scope, in_time, send_in_time)
        except Exception:
            if not late:
                raise
            transport = scope.get("extensions", {}).get(_TRANSPORT)
            if transport is not None:
                transport.abort()  # what is still to be sent is thrown away

    def _body_in_time(self, receive: Receive) -> Receive:
        end: float | None = None
        awaiting = True

        async def receive_in_time() -> Message:
            nonlocal end, awaiting
            if not awaiting:  # what comes now is that the client has left
                return await receive()
            now = time.monotonic()
            end = now + self._body_seconds if end is None else end
            try:
                message = await asyncio.wait_for(receive(), min(self._body_seconds, max(end - now, 0.0)))
            except TimeoutError:
                raise HTTPException(408, "The request didn't arrive in time.", {"connection": "close"}) from None
            end += len(message.get("body", b"")) / SLOWEST
            awaiting = bool(message.get("more_body", False))
            return message

        return receive_in_time


class PromptProtocol(H11Protocol):
    """uvicorn's protocol, which closes a connection whose request's head doesn't come.

    Attributes:
        header_seconds: From the opening of a connection, or a further request's first byte, to the end of the head.
    """

    header_seconds = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; its first request has to come in time."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        before = self.cycle
        if self._deadline is None and (before is None or before.response_complete):
            self._arm()
        super().data_received(data)
        if self.cycle is not before:
            self._disarm()
            extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
            extensions[_TRANSPORT] = self.transport

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection on to what speaks WebSocket, which has a time for the head of its own."""
        self._disarm()
        super().handle_websocket_upgrade(event)

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self.header_seconds, self._late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        self.transport.abort()


def protocol(header_seconds: float) -> type[PromptProtocol]:
    """Return the protocol with its time for a head."""
    return type("Protocol", (PromptProtocol,), {"header_seconds": header_seconds})
