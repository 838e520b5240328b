"""`/v1/signs`: what was seen."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from signpipe.serve.database import SignFilter
from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import ClassList, SignPage, StoredSign
from signpipe.serve.wire import Message

router = APIRouter(prefix="/v1", tags=["signs"])

_LARGEST = 2**63 - 1  # of SQLite's integers
Number = Annotated[int, Path(ge=1, le=_LARGEST)]
Moment = Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since 1970.", allow_inf_nan=False)]
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/signs", response_model=SignPage, responses=refusals())
async def list_signs(
    service: ServiceDep,
    source: Annotated[str | None, Query(max_length=64)] = None,
    class_name: Annotated[str | None, Query(max_length=100)] = None,
    since: Moment = None,
    until: Moment = None,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Return signs that were confirmed, the newest first."""
    wanted = SignFilter(source, class_name, since, until)
    signs = await run_in_threadpool(service.database.signs, wanted, before, limit + 1)
    more = len(signs) > limit
    return {"signs": signs[:limit], "next": signs[limit - 1]["id"] if more else None}


@router.get("/signs/{number}", response_model=StoredSign, responses=refusals(404))
async def show_sign(number: Number, service: ServiceDep) -> Message:
    """Return one sign."""
    sign = await run_in_threadpool(service.database.sign, number)
    if sign is None:
        raise HTTPException(404, "There is no sign of that number.")
    return sign


@router.get("/signs/{number}/crop", response_class=Response, responses={**_JPEG, **refusals(404)})
async def show_crop(number: Number, service: ServiceDep) -> Response:
    """Return the picture of one sign."""
    crop = await run_in_threadpool(service.database.crop, number)
    if crop is None:
        raise HTTPException(404, "There is no sign of that number.")
    return Response(crop, media_type="image/jpeg")


@router.get("/classes", response_model=ClassList, responses=refusals())
async def list_classes(service: ServiceDep) -> dict[str, Any]:
    """Return the classes that can be published, or given as a label."""
    signs = sorted((sign for sign in service.catalogue if sign.present), key=lambda sign: sign.title)
    return {"classes": [{"name": one.name, "title": one.title, "category": one.category.value} for one in signs]}
