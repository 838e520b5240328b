"""`/v1/sources`: what is watched, and how it looks."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Response, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from signpipe.catalogue.countries import country_codes
from signpipe.errors import SettingsError
from signpipe.serve.feed import Feed
from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import AddSource, Source, SourceList
from signpipe.serve.service import Service
from signpipe.serve.settings import Tree
from signpipe.serve.wire import Message

router = APIRouter(prefix="/v1/sources", tags=["sources"])

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]

_BOUNDARY = "picture"
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_MJPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"multipart/x-mixed-replace": {}}}}
_PATIENCE = 10.0  # seconds to wait for a picture


def _found(service: Service, name: str) -> Message:
    described = service.supervisor.described(name)
    if not described:
        raise HTTPException(404, "There is no source of that name.")
    return described[0]


@router.get("", response_model=SourceList, responses=refusals())
async def list_sources(service: ServiceDep) -> dict[str, Any]:
    """Return all sources and how they are."""
    return {"sources": service.supervisor.described()}


@router.post("", response_model=Source, status_code=201, responses=refusals(409, 507))
async def add_source(asked: AddSource, service: ServiceDep) -> Message:
    """Watch another source, from now on and after each restart of the server."""
    own: Tree = {}
    if asked.country is not None:
        if asked.country not in country_codes():
            raise HTTPException(422, f"There is no country '{asked.country}'; see `signpipe countries list`.")
        own["country"] = {"code": asked.country}
    if asked.loop:
        own["capture"] = {"loop": 0, "policy": "drop_oldest"}
    try:
        await run_in_threadpool(service.add_source, asked.name, asked.address, own)
    except SettingsError as error:
        raise HTTPException(422, str(error)) from None
    except KeyError:
        raise HTTPException(409, "There is a source of that name already.") from None
    except sqlite3.Error:
        await run_in_threadpool(service.supervisor.remove, asked.name)
        raise HTTPException(507, "The source can't be kept: the disk is full or can't be written.") from None
    return _found(service, asked.name)


@router.get("/{name}", response_model=Source, responses=refusals(404))
async def show_source(name: Name, service: ServiceDep) -> Message:
    """Return how a source is."""
    return _found(service, name)


@router.delete("/{name}", status_code=204, responses=refusals(404, 409))
async def remove_source(name: Name, service: ServiceDep) -> None:
    """End a source that was added over the API, and forget it; its signs stay."""
    _found(service, name)
    try:
        await run_in_threadpool(service.remove_source, name)
    except PermissionError:
        raise HTTPException(409, "That source is in the server's own file; take it out there.") from None
    except KeyError:
        raise HTTPException(404, "There is no source of that name.") from None


@router.post("/{name}/restart", response_model=Source, status_code=202, responses=refusals(404))
async def restart_source(name: Name, service: ServiceDep) -> Message:
    """Start a source anew, also one that has failed or ended."""
    _found(service, name)
    await run_in_threadpool(service.supervisor.restart, name)
    return _found(service, name)


@router.get("/{name}/picture", response_class=Response, responses={**_JPEG, **refusals(404)})
async def show_picture(name: Name, service: ServiceDep) -> Response:
    """Return the next picture of a source, with its boxes."""
    _found(service, name)
    got = await service.feed(name).next(0, _PATIENCE)
    if got is None:
        raise HTTPException(503, "The source gives no picture at present.")
    return Response(got[1], media_type="image/jpeg")


@router.get("/{name}/stream", response_class=StreamingResponse, responses={**_MJPEG, **refusals(404)})
async def stream_pictures(name: Name, service: ServiceDep) -> StreamingResponse:
    """Return picture after picture (MJPEG), as fast as they are taken; what isn't taken in time is left out."""
    _found(service, name)
    if service.viewers >= service.settings.limits.viewers:
        raise HTTPException(503, "Too many are watching already.")
    parts = _parts(service, name, service.feed(name))
    return StreamingResponse(parts, media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")


@router.websocket("/{name}/socket")
async def socket_pictures(socket: WebSocket, name: Name, service: ServiceDep) -> None:
    """Send the next picture each time that the other side asks for one, with whatever text."""
    if not service.supervisor.described(name) or service.viewers >= service.settings.limits.viewers:
        await socket.close(1013)
        return
    await socket.accept()
    service.viewers += 1
    seen = 0
    try:
        while service.supervisor.described(name):
            await socket.receive_text()
            got = await service.feed(name).next(seen, _PATIENCE)
            seen, picture = got or (seen, b"")
            if picture:
                await socket.send_bytes(picture)
            else:
                await socket.send_text("none")
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return
    finally:
        service.viewers -= 1


async def _parts(service: Service, name: str, feed: Feed) -> AsyncIterator[bytes]:
    service.viewers += 1
    try:
        seen = 0
        while service.supervisor.described(name):
            got = await feed.next(seen, _PATIENCE)
            if got is not None:
                seen, picture = got
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                yield head.encode() + picture + b"\r\n"
    finally:
        service.viewers -= 1
