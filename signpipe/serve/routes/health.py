"""Whether the server lives, is ready, and what it measures; and the sessions of browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse

from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import Health, Login, Session
from signpipe.serve.security import COOKIE, SESSION, session_of
from signpipe.serve.service import Service

router = APIRouter(tags=["health"])

PAGE = Path(__file__).parents[1] / "page"


@router.get("/", include_in_schema=False)
async def show_page() -> FileResponse:
    """Return the live page."""
    return FileResponse(PAGE / "index.html", media_type="text/html")


@router.get("/healthz", response_model=Health)
async def healthz() -> dict[str, Any]:
    """Say that the server answers."""
    return {"status": "ok", "reasons": []}


@router.get("/readyz", response_model=Health, responses={503: {"model": Health}})
async def readyz(service: ServiceDep) -> Any:
    """Say whether the server can do its work, and which sources have failed; those alone don't make it unready."""
    reasons = _troubles(service)
    failed = [one["name"] for one in service.supervisor.described() if one["state"] == "failed"]
    told = [*reasons, *(f"the source {name} has failed" for name in failed)]
    if reasons:
        return JSONResponse({"status": "unready", "reasons": told}, 503)
    return {"status": "ready", "reasons": told}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **refusals()})
async def show_metrics(request: Request, service: ServiceDep) -> Response:
    """Return the counts of all sources and of the server, for Prometheus."""
    accept = request.headers.get("accept", "")
    content, kind = await run_in_threadpool(service.metrics.exposition.render, accept)
    return Response(content, headers={"content-type": kind})


def _troubles(service: Service) -> list[str]:
    return [f"the database can't be written ({service.store.trouble})"] if service.store.trouble else []


@router.get("/v1/session", response_model=Session)
async def show_session(request: Request, service: ServiceDep) -> dict[str, Any]:
    """Say whether a token is needed, and whether this browser has given it."""
    return {"needs_token": service.access.needs_token, "open": service.access.lets_in(request.headers)}


@router.post("/v1/session", response_model=Session, responses=refusals())
async def open_session(login: Login, request: Request, response: Response, service: ServiceDep) -> dict[str, Any]:
    """Let a browser in that gives the token: it gets a cookie, since pictures can't be asked for with a header."""
    if not service.access.needs_token:
        return {"needs_token": False, "open": True}
    if service.failures.wait(request.client.host if request.client else "", take=False):
        raise HTTPException(429, "Too many wrong tokens were given; wait a minute.", {"retry-after": "60"})
    if not service.access.knows(login.token):
        service.failures.wait(request.client.host if request.client else "")
        raise HTTPException(401, "That isn't the token.")
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, service.access.open_session(), int(SESSION), httponly=True, samesite="strict", secure=secure
    )
    return {"needs_token": True, "open": True}


@router.delete("/v1/session", status_code=204)
async def end_session(request: Request, response: Response, service: ServiceDep) -> None:
    """Let a browser out."""
    session = session_of(request.headers)
    if session is not None:
        service.access.end_session(session)
    response.delete_cookie(COOKIE)
