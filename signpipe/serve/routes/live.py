"""`/v1/events`: what happens, as it happens, as server-sent events and over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, WebSocket, WebSocketDisconnect
from starlette.responses import StreamingResponse

from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.service import Service

router = APIRouter(prefix="/v1", tags=["events"])

_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_FULL = "Too many are listening already."


@router.get("/events", response_class=StreamingResponse, responses={**_EVENTS, **refusals()})
async def stream_events(
    service: ServiceDep,
    last_event_id: Annotated[str | None, Header(max_length=20, description="The last one that was heard.")] = None,
) -> StreamingResponse:
    """Tell of signs, advisories, sources and jobs as they change (server-sent events)."""
    if service.viewers >= service.settings.limits.viewers:
        raise HTTPException(503, _FULL)
    after = int(last_event_id) if last_event_id and last_event_id.isdecimal() else None
    return StreamingResponse(_lines(service, after), media_type="text/event-stream")


async def _lines(service: Service, after: int | None) -> AsyncIterator[str]:
    service.viewers += 1
    try:
        yield "retry: 2000\n\n"
        async with aclosing(service.hub.listen(after)) as events:
            async for event in events:
                if event is None:
                    yield ": nothing new\n\n"
                else:
                    yield f"id: {event.number}\nevent: {event.kind}\ndata: {event.text}\n\n"
    finally:
        service.viewers -= 1


@router.websocket("/events/socket")
async def socket_events(socket: WebSocket, service: ServiceDep) -> None:
    """Tell the same over a WebSocket; each message is an object with `number`, `kind` and `data`."""
    if service.viewers >= service.settings.limits.viewers:
        await socket.close(1013, _FULL)
        return
    await socket.accept()
    service.viewers += 1
    left = asyncio.create_task(_until_left(socket))
    telling = asyncio.create_task(_tell(socket, service))
    try:
        await asyncio.wait({left, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        service.viewers -= 1
        left.cancel()
        telling.cancel()
        await asyncio.gather(left, telling, return_exceptions=True)


async def _tell(socket: WebSocket, service: Service) -> None:
    async with aclosing(service.hub.listen()) as events:
        async for event in events:
            if event is not None:
                data = json.loads(event.text)
                await socket.send_json({"number": event.number, "kind": event.kind, "data": data})


async def _until_left(socket: WebSocket) -> None:
    """Wait until the other side has gone; what it says isn't listened to."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return
