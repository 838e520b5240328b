"""The application: routes, what stands before them, and one sentence for whatever can't be met."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi_offline.core import _STATIC_PATH
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from signpipe.errors import SignpipeError
from signpipe.notify import Notifier
from signpipe.serve.deadlines import Deadlines
from signpipe.serve.metrics import Counting
from signpipe.serve.routes import detect, health, jobs, live, review, signs, sources
from signpipe.serve.security import Buckets, Guard
from signpipe.serve.service import Service
from signpipe.version import VERSION

_ALIVE = 1.0  # seconds between two signs of life
_LONGEST = 200  # characters of an answer's sentence that may come from the request

log = logging.getLogger(__name__)


def create_app(service: Service) -> FastAPI:
    """Return the application of a service that is open; it doesn't close it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.open(asyncio.get_running_loop())
        notifier = Notifier()
        notifier.ready("watching")
        living = asyncio.create_task(_stay_alive(service, notifier))
        yield
        living.cancel()
        notifier.stopping()

    app = FastAPI(
        title="signpipe", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Which road signs are there, and what they mean for the driver.",
    )  # fmt: skip
    app.state.service = service
    for part in (detect, sources, signs, jobs, review, live, health):
        app.include_router(part.router)
    _add_pages(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(SignpipeError, _failed)
    limits, server = service.settings.limits, service.settings.server
    app.add_middleware(
        Guard, access=service.access, names=server.names, requests=Buckets(limits.requests, limits.burst),
        failures=service.failures,
    )  # fmt: skip
    app.add_middleware(Counting, metrics=service.metrics)
    app.add_middleware(Deadlines, body_seconds=limits.body_seconds, send_seconds=limits.send_seconds)
    return app


async def _stay_alive(service: Service, notifier: Notifier) -> None:
    """Tell the service manager that this loop goes round, as long as the threads that matter do too."""
    while True:
        if service.alive:
            notifier.alive()
        await asyncio.sleep(_ALIVE)


def _add_pages(app: FastAPI) -> None:
    """Add the live page's files, and the API's documents, which load nothing from elsewhere."""
    app.mount("/page", StaticFiles(directory=health.PAGE), name="page")
    app.mount("/docs/files", StaticFiles(directory=_STATIC_PATH), name="docs")

    @app.get("/docs", include_in_schema=False)
    async def documents() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json", title="signpipe",
            swagger_js_url="/docs/files/swagger-ui-bundle.js", swagger_css_url="/docs/files/swagger-ui.css",
            swagger_favicon_url="/docs/files/favicon.png",
        )  # fmt: skip


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Say in one sentence what of a request can't be understood."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    sentence = f"'{where}' can't be used: {first['msg']}." if where else f"The request can't be used: {first['msg']}."
    return JSONResponse({"detail": sentence[:_LONGEST]}, 422)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    """Answer what the pipeline can't do; the sentence may name files, so that it goes into the log alone."""
    log.error("%s", error)
    return JSONResponse({"detail": "The server can't do that at present; its log says why."}, 503)
