"""`/v1/jobs`: recordings that are sent in."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from signpipe.serve import database
from signpipe.serve.jobs import SUFFIXES
from signpipe.serve.routes import ServiceDep, refusals
from signpipe.serve.schemas import Job, JobList
from signpipe.serve.service import Service
from signpipe.serve.wire import Message

router = APIRouter(prefix="/v1/jobs", tags=["recordings"])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
FileName = Annotated[str, Path(pattern=r"^[a-z]{1,32}\.(jsonl|json|mp4)$")]

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The recording.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_FULL = "The recording can't be kept: the disk is full or can't be written."


async def _found(service: Service, job_id: str) -> database.Job:
    job = await run_in_threadpool(service.database.job, job_id)
    if job is None:
        raise HTTPException(404, "There is no such job.")
    return job


@router.post("", response_model=Job, status_code=201, responses=refusals(413, 415, 507), openapi_extra=_BODY)
async def add_job(
    request: Request,
    service: ServiceDep,
    name: Annotated[str, Query(min_length=1, max_length=200, description="Of the recording, with its ending.")],
    video: Annotated[bool, Query(description="Whether an annotated video is wanted.")] = False,
) -> Message:
    """Send in a recording: it is queued, and once it is done its results can be fetched."""
    limits = service.settings.limits
    if FilePath(name).suffix.lower() not in SUFFIXES:
        raise HTTPException(415, f"A recording's name must end in one of {', '.join(SUFFIXES)}.")
    if await run_in_threadpool(service.jobs.waiting) >= service.settings.jobs.waiting:
        raise HTTPException(503, "Too many jobs wait already; try again later.", {"retry-after": "60"})
    job_id, upload = service.jobs.new_upload(name)
    try:
        await _receive(request, upload, int(limits.recording_megabytes * 2**20))
        job = await run_in_threadpool(service.jobs.add, job_id, name, upload, video)
    except (OSError, sqlite3.Error):
        raise HTTPException(507, _FULL) from None
    finally:
        upload.unlink(missing_ok=True)
    return service.jobs.described(job)


async def _receive(request: Request, upload: FilePath, most: int) -> None:
    """Write a body to a file, but no more of it than is allowed."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise HTTPException(413, f"A recording may have up to {most / 2**20:g} MB.")
    size = 0
    with upload.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise HTTPException(413, f"A recording may have up to {most / 2**20:g} MB.")
            await asyncio.to_thread(file.write, part)
    if not size:
        raise HTTPException(422, "Nothing was sent: put the recording into the body.")


@router.get("", response_model=JobList, responses=refusals())
async def list_jobs(service: ServiceDep) -> dict[str, Any]:
    """Return all jobs, the oldest first."""
    jobs = await run_in_threadpool(service.database.jobs)
    return {"jobs": [service.jobs.described(job) for job in jobs]}


@router.get("/{job_id}", response_model=Job, responses=refusals(404))
async def show_job(job_id: JobId, service: ServiceDep) -> Message:
    """Return how far a job is, and how long it still takes."""
    return service.jobs.described(await _found(service, job_id))


@router.delete("/{job_id}", status_code=204, responses=refusals(404))
async def remove_job(job_id: JobId, service: ServiceDep) -> None:
    """Cancel a job, or remove one that is over with its results; its signs stay."""
    await run_in_threadpool(service.jobs.remove, await _found(service, job_id))


@router.get("/{job_id}/files/{name}", response_class=FileResponse, responses={**_FILE, **refusals(404)})
async def show_file(job_id: JobId, name: FileName, service: ServiceDep) -> FileResponse:
    """Return a file of a result."""
    path = service.jobs.file(await _found(service, job_id), name)
    if path is None:
        raise HTTPException(404, "The job has no such file.")
    return FileResponse(path, media_type="application/octet-stream", filename=name)
