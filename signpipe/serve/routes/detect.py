"""`/v1/detect`: which signs are on a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import UploadFile

from signpipe.serve.detection import Sent
from signpipe.serve.pictures import TYPES, PictureError
from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import Detected
from signpipe.serve.service import Service

router = APIRouter(tags=["pictures"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One picture, or several as the parts of a form.",
        "content": {
            **dict.fromkeys(TYPES, _BINARY),
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"picture": {"type": "array", "items": _BINARY["schema"], "minItems": 1}},
                    "required": ["picture"],
                },
                "encoding": {"picture": {"contentType": ", ".join(TYPES)}},
            },
        },
    }
}


@router.post("/v1/detect", response_model=Detected, responses=refusals(413, 415), openapi_extra=_BODY)
async def detect(request: Request, service: ServiceDep) -> dict[str, Any]:
    """Say which signs are on a picture, or on each of several; nothing of them is kept."""
    with _place(service):
        pictures = await _pictures(request, service)
        try:
            return {"pictures": await service.detection(pictures)}
        except PictureError as error:
            raise HTTPException(error.status, str(error)) from None


@contextmanager
def _place(service: Service) -> Iterator[None]:
    """Hold one of the places for requests whose pictures are in memory."""
    if service.detecting >= service.settings.limits.detecting:
        raise HTTPException(503, "Too many pictures are being looked at; try again in a moment.", {"retry-after": "1"})
    service.detecting += 1
    try:
        yield
    finally:
        service.detecting -= 1


async def _pictures(request: Request, service: Service) -> list[Sent]:
    limits = service.settings.limits
    kind = request.headers.get("content-type", "")
    most = int(limits.picture_megabytes * 2**20)
    if not kind.lower().startswith("multipart/form-data"):
        if kind.partition(";")[0].strip().lower() not in TYPES:
            raise HTTPException(415, f"Send a picture as {', '.join(TYPES)}, or several as multipart/form-data.")
        return [(await _body(request, most), kind)]
    await _check_length(request, most)
    async with request.form(max_files=limits.batch, max_fields=0, max_part_size=most) as form:
        parts = [part for part in form.getlist("picture") if isinstance(part, UploadFile)]
        if not parts:
            raise HTTPException(422, "The form has no picture: name each part 'picture', and give it a file name.")
        return [(await part.read(), part.content_type or "") for part in parts]


async def _check_length(request: Request, most: int) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(413, "A form must say its length (Content-Length).")
    if int(length) > most:
        raise HTTPException(413, f"What is sent may have up to {most / 2**20:g} MB.")


async def _body(request: Request, most: int) -> bytes:
    """Read a body, but no more of it than is allowed."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise HTTPException(413, f"What is sent may have up to {most / 2**20:g} MB.")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise HTTPException(413, f"What is sent may have up to {most / 2**20:g} MB.")
        parts.append(part)
    if not size:
        raise HTTPException(422, "Nothing was sent: put the picture into the body.")
    return b"".join(parts)
