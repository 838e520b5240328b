"""What `signpipe serve` is told: a TOML file of its own, with the pipeline's settings inside it."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from signpipe.errors import SettingsError
from signpipe.settings import Section, Settings, override_settings

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Tree = dict[str, Any]  # of settings, by section


class ServerSettings(Section):
    """Where the server listens, what it keeps, and how much it may use."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; beyond loopback a token is needed.")
    port: int = Field(8480, ge=0, le=65535, description="Port; 0 takes a free one.")
    names: list[str] = Field([], description="Further host names under which a browser may ask without a token.")
    data: Path = Field(Path("signpipe-data"), description="Folder for the database, jobs, uploads and the queue.")
    processes: int = Field(8, ge=1, le=256, description="Most sources that run at once; the others wait.")
    threads: int = Field(
        0, ge=0, le=256, description="Threads of a source's models; 0 shares the cores among the sources."
    )
    memory: int | None = Field(None, ge=64, description="Megabytes a source or job may use before it is ended.")
    silence: float = Field(60.0, ge=1, le=3600, description="Seconds without a word before a process counts as stuck.")
    privacy: bool = Field(False, description="Blur everything but the signs in every picture that is stored.")
    private_sources: bool = Field(
        False, description="Let the API add sources at private and local addresses (a camera's, usually)."
    )
    recordings: Path | None = Field(None, description="Folder whose recordings the API may add as sources.")
    retention: float = Field(90.0, gt=0, le=36500, description="Days for which signs are kept.")
    most_signs: int = Field(1_000_000, ge=1, description="Most signs that are kept; the oldest go first.")


class JobSettings(Section):
    """Recordings that are sent in."""

    parallel: int = Field(1, ge=1, le=64, description="Jobs that run at once.")
    waiting: int = Field(100, ge=1, le=10_000, description="Jobs that may wait.")
    attempts: int = Field(3, ge=1, le=10, description="How often a job whose process died is begun.")
    days: float = Field(30.0, gt=0, le=36500, description="Days for which results are kept.")


class LimitSettings(Section):
    """What a client may ask for."""

    picture_megabytes: float = Field(16.0, gt=0, le=256, description="Largest picture, and largest batch of them.")
    picture_megapixels: float = Field(40.0, gt=0, le=1000, description="Most pixels of a picture, in 10^6.")
    batch: int = Field(16, ge=1, le=256, description="Most pictures of a batch.")
    detecting: int = Field(32, ge=1, le=1024, description="Requests for detection that are held at once.")
    recording_megabytes: float = Field(4096.0, gt=0, description="Largest recording.")
    header_seconds: float = Field(10.0, gt=0, le=600, description="Time to send a request's head.")
    body_seconds: float = Field(30.0, gt=0, le=600, description="Time to send a body, and between a recording's parts.")
    send_seconds: float = Field(20.0, gt=0, le=600, description="Time to take a part of an answer.")
    requests: float = Field(50.0, gt=0, description="Requests a second of one client, in the long run.")
    burst: int = Field(200, ge=1, description="Requests of one client at once.")
    viewers: int = Field(256, ge=1, description="Live views and streams of events at once.")


class SourceSettings(Section):
    """A source that is watched as long as the server runs."""

    name: SourceName
    address: str = Field(min_length=1, max_length=2048, description="What `signpipe run` takes.")
    settings: Tree = Field({}, description="Settings of this source alone, by section.")


class ServeSettings(Section):
    """The whole file."""

    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    limits: LimitSettings = LimitSettings()
    sources: list[SourceSettings] = Field([])
    settings: Tree = Field({}, description="Settings of every source, job and picture, by section.")


def load_serve_settings(
    config: Path | None = None,
    server: Tree | None = None,
    sources: Sequence[Tree] = (),
    shared: Tree | None = None,
) -> ServeSettings:
    """Read the file and put over it what the command line gave.

    Args:
        config: TOML file, or None for the defaults.
        server: Values of the section `server`; None values are ignored.
        sources: Further sources.
        shared: Settings of every source, by section.

    Raises:
        SettingsError: The file can't be read, or a value in it can't be used.
    """
    tree = _read(config) if config else {}
    given = {name: value for name, value in (server or {}).items() if value is not None}
    try:
        settings = ServeSettings(**tree)
        more = settings.model_dump()
        more["server"] |= given
        more["sources"] += sources
        for section, values in (shared or {}).items():
            more["settings"][section] = more["settings"].get(section, {}) | values
        settings = ServeSettings(**more)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(f"The setting '{where}' of the server can't be used: {reason}.") from None
    twice = [name for name, count in Counter(source.name for source in settings.sources).items() if count > 1]
    if twice:
        raise SettingsError(f"Two sources are named '{twice[0]}': give each a name of its own.")
    for own in (None, *(source.settings for source in settings.sources)):
        pipeline_settings(settings, own)
    return settings


def pipeline_settings(settings: ServeSettings, own: Tree | None = None) -> Settings:
    """Return the pipeline's settings of one source.

    Args:
        settings: The server's, with what holds for all.
        own: What holds for this source alone.

    Raises:
        SettingsError: One is unknown or out of bounds.
    """
    return override_settings(override_settings(None, settings.settings), own or {})


def _read(config: Path) -> Tree:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The file {config} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # TOML's own errors are ValueErrors
        raise SettingsError(f"The file {config} is no valid TOML: {error}.") from None
