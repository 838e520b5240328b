"""What the API takes and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from signpipe.serve.settings import SourceName


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


class Refused(Answer):
    """Why a request can't be met, in one sentence."""

    detail: str


class Sign(Answer):
    """A sign on a picture."""

    box: list[float] = Field(description="Left, top, right, bottom in pixels.")
    class_name: str | None = Field(description="Its class, if that is sure.")
    title: str | None = Field(description="The class in words.")
    category: str | None = Field(description="Its category, if that is sure.")
    probability: float | None = Field(description="Of the class, 0 to 1, if that is sure.")
    score: float | None = Field(description="The detector's confidence, 0 to 1.")
    verdict: str = Field(description="confirmed, corroborated, uncertain or unknown.")
    reason: str = Field(description="How the verdict was reached.")
    best_guess: str = Field(description="The likeliest class, sure or not.")
    best_probability: float | None = Field(description="Of that.")


class Picture(Answer):
    """What is on a picture."""

    width: int
    height: int
    signs: list[Sign]
    milliseconds: float | None = Field(description="What it took.")


class Detected(Answer):
    """What is on the pictures, in the order in which they were sent."""

    pictures: list[Picture]


class Job(Answer):
    """A recording that was sent in."""

    id: str
    name: str
    state: str = Field(description="queued, running, done, failed or cancelled.")
    created: float = Field(description="Seconds since 1970.")
    started: float | None
    finished: float | None
    attempts: int
    reason: str | None = Field(description="Why it failed.")
    progress: float | None = Field(description="0 to 1, where that can be told.")
    seconds_left: float | None
    files: list[str] = Field(description="Names of the result's files.")


class JobList(Answer):
    """All jobs, the oldest first."""

    jobs: list[Job]


class AddSource(BaseModel):
    """A source to watch."""

    model_config = ConfigDict(extra="forbid")

    name: SourceName
    address: str = Field(
        min_length=1, max_length=2048, description="rtsp, rtsps, http or https; or a recording's name."
    )
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = Field(None, description="Whose signs they are.")
    loop: bool = Field(False, description="Play a recording again and again, at its own rate.")


class Source(Answer):
    """A source and how it is."""

    name: str
    address: str = Field(description="Without user, password and the values of its query.")
    added: bool = Field(description="Whether it was added over the API.")
    state: str = Field(description="waiting, starting, running, ended or failed.")
    reason: str | None = Field(description="Why it isn't running, or what it lacks.")
    restarts: int
    run: str
    info: dict[str, Any] = Field(description="What it turned out to be.")
    stats: dict[str, Any] = Field(description="How it does: frames, rate, latency, drops, what holds for the driver.")


class SourceList(Answer):
    """All sources."""

    sources: list[Source]


class StoredSign(Answer):
    """A sign that was seen."""

    id: int
    source: str
    run: str
    track: int
    first: float = Field(description="Seconds since 1970.")
    last: float
    class_name: str
    title: str
    category: str
    probability: float
    verdict: str
    reason: str
    witnesses: str
    conflict: str | None
    media_time: float | None
    latitude: float | None
    longitude: float | None
    ended: bool = Field(description="Whether it has gone out of view.")


class SignPage(Answer):
    """Signs, the newest first."""

    signs: list[StoredSign]
    next: int | None = Field(description="What to give as `before` for the next page; null at the end.")


class Choice(Answer):
    """A class that vision considered."""

    name: str
    title: str
    probability: float


class ReviewEntry(Answer):
    """A sign that nothing was sure of."""

    id: str
    created: float = Field(description="Seconds since 1970.")
    status: str = Field(description="open, labelled or rejected.")
    label: str | None
    why: list[str]
    source: str
    media_time: float
    reason: str
    novelty: float
    top: list[Choice]
    again: int = Field(description="How often its like was seen again.")


class ReviewList(Answer):
    """Signs of the queue, the newest first."""

    entries: list[ReviewEntry]
    counts: dict[str, int] = Field(description="How many there are of each status.")


class Label(BaseModel):
    """What a person says a sign is."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=100, description="A class of the catalogue, or not-a-sign.")
    labeller: str = Field("api", min_length=1, max_length=100, description="Who says so.")


class Class(Answer):
    """A class of the catalogue."""

    name: str
    title: str
    category: str


class ClassList(Answer):
    """The classes that can be published or given as a label."""

    classes: list[Class]


class Login(BaseModel):
    """A token, for a browser."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=200)


class Session(Answer):
    """Whether a token is asked for, and whether this browser has given it."""

    needs_token: bool
    open: bool


class Health(Answer):
    """How the server is."""

    status: str
    reasons: list[str] = Field(description="What isn't as it should be.")
