"""`/v1/review`: the signs that nothing was sure of, and what a person says they are."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from signpipe.catalogue import Catalogue
from signpipe.review import NOT_A_SIGN, Status
from signpipe.review.queue import Queued
from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import Label, ReviewEntry, ReviewList
from signpipe.serve.service import Service

router = APIRouter(prefix="/v1/review", tags=["review"])

ItemId = Annotated[str, Path(pattern=r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$")]
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}, "image/jpeg": {}}}}


def _find(service: Service, item_id: str) -> Queued | None:
    return next((entry for entry in service.review.items() if entry.item.id == item_id), None)


async def _found(service: Service, item_id: str) -> Queued:
    try:
        entry = await run_in_threadpool(_find, service, item_id)
    except OSError:
        raise HTTPException(503, "The review queue can't be read.") from None
    if entry is None:
        raise HTTPException(404, "There is no such item.")
    return entry


@router.get("", response_model=ReviewList, responses=refusals())
async def list_entries(
    service: ServiceDep,
    status: Annotated[Status | None, Query(description="Only these.")] = Status.OPEN,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return signs of the queue, the newest first."""
    try:
        entries = await run_in_threadpool(service.review.items)
    except OSError:
        raise HTTPException(503, "The review queue can't be read.") from None
    chosen = [entry for entry in reversed(entries) if status in (None, entry.status)]
    counts = Counter(entry.status.value for entry in entries)
    shown = [_described(entry, service.catalogue) for entry in chosen[:limit]]
    return {"entries": shown, "counts": {one.value: counts[one.value] for one in Status}}


@router.get("/{item_id}/crop", response_class=FileResponse, responses={**_PICTURE, **refusals(404)})
async def show_crop(item_id: ItemId, service: ServiceDep) -> FileResponse:
    """Return the picture of a sign."""
    return FileResponse((await _found(service, item_id)).crop, media_type="image/png")


@router.get("/{item_id}/context", response_class=FileResponse, responses={**_PICTURE, **refusals(404)})
async def show_context(item_id: ItemId, service: ServiceDep) -> FileResponse:
    """Return the scene around a sign."""
    return FileResponse((await _found(service, item_id)).context, media_type="image/jpeg")


@router.put("/{item_id}/label", response_model=ReviewEntry, responses=refusals(404, 507))
async def give_label(item_id: ItemId, said: Label, service: ServiceDep) -> dict[str, Any]:
    """Say what a sign is; a later word replaces an earlier one."""
    await _found(service, item_id)
    if said.label != NOT_A_SIGN and said.label not in service.catalogue.names:
        raise HTTPException(422, "That is no class of the catalogue; see /v1/classes, or give not-a-sign.")
    try:
        await run_in_threadpool(service.review.label, item_id, said.label, said.labeller)
    except OSError:
        raise HTTPException(507, "The label can't be kept: the disk is full or can't be written.") from None
    return _described(await _found(service, item_id), service.catalogue)


def _described(entry: Queued, catalogue: Catalogue) -> dict[str, Any]:
    item = entry.item
    titles = {choice.name: choice.name for choice in item.top}
    titles |= {name: catalogue.by_name(name).title for name in titles if name in catalogue.names}
    return {
        "id": item.id,
        "created": item.created_at.timestamp(),
        "status": entry.status.value,
        "label": entry.label.label if entry.label else None,
        "why": list(item.why),
        "source": item.source,
        "media_time": item.media_time,
        "reason": item.reason,
        "novelty": item.novelty,
        "top": [{"name": one.name, "title": titles[one.name], "probability": one.probability} for one in item.top],
        "again": entry.again,
    }
