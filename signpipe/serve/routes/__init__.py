"""The addresses of the API."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from signpipe.serve.schemas import Refused
from signpipe.serve.service import Service


def _service(connection: HTTPConnection) -> Service:
    return cast(Service, connection.app.state.service)


ServiceDep = Annotated[Service, Depends(_service)]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the answers that refuse."""
    return {status: {"model": Refused} for status in (400, 401, 403, 408, 421, 422, 429, 503, *statuses)}
