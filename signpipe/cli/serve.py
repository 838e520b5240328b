"""`signpipe serve`: a service that runs for months."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from signpipe.cli.run import parse_assignments
from signpipe.errors import ExtraMissingError, SettingsError
from signpipe.shipped import sample

_NAMED = re.compile(r"^([a-z0-9][a-z0-9_-]{0,31})=(.+)$", re.DOTALL)


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[[NAME=]SOURCE]...", help="What to watch: whatever `signpipe run` takes."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file of the server; see docs/serving.md.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on, else 127.0.0.1; others need a token.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, else 8480; 0 takes a free one.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Database, jobs and review queue; else signpipe-data.")
    ] = None,
    privacy: Annotated[
        bool | None, typer.Option("--privacy", help="Blur everything but the signs in what is stored.")
    ] = None,
    token: Annotated[bool, typer.Option("--new-token", help="Make a token, print it once, and end.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Watch the sample drive, again and again.")] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting, for all sources."),
    ] = None,
) -> None:
    """Watch sources as a service: an HTTP API, a live page, jobs, and signs that are remembered.

    [bold]signpipe serve --demo[/] shows the sample drive at http://127.0.0.1:8480/. [bold]signpipe serve
    gate=rtsp://camera/road[/] watches a camera. Ctrl-C or SIGTERM ends it, with all its processes.
    """
    try:
        from signpipe.serve.running import run_server
        from signpipe.serve.security import new_token
        from signpipe.serve.settings import load_serve_settings
    except ImportError:
        raise ExtraMissingError("signpipe serve", "serve") from None
    with _folder(data, demo and config is None) as folder:
        given = {"host": host, "port": port, "data": folder, "privacy": privacy}
        settings = load_serve_settings(config, given, _sources(sources or [], demo), _tree(assignments or []))
        if token:
            print(new_token(settings.server.data))
            return
        run_server(settings)


def _sources(named: list[str], demo: bool) -> list[dict[str, Any]]:
    """Return the sources of the command line."""
    found: list[dict[str, Any]] = []
    for number, text in enumerate(named, 1):
        match = _NAMED.match(text)
        name, address = match.groups() if match else (f"source-{number}", text)
        found.append({"name": name, "address": address})
    if demo:
        drive = sample()
        found.append(
            {
                "name": "demo",
                "address": str(drive),
                "settings": {
                    "capture": {"loop": 0, "policy": "drop_oldest"},
                    "map": {"file": str(drive.with_suffix(".geojson"))},
                    "position": {"source": str(drive.with_suffix(".gpx"))},
                },
            }
        )
    return found


def _tree(assignments: list[str]) -> dict[str, Any]:
    """Return settings by section."""
    tree: dict[str, Any] = {}
    for name, value in parse_assignments(assignments).items():
        section, dot, key = name.partition(".")
        if not dot:
            raise SettingsError(f"--set takes SECTION.NAME=VALUE, not '{name}'; `signpipe settings` lists the names.")
        tree.setdefault(section, {})[key] = value
    return tree


@contextmanager
def _folder(data: Path | None, passing: bool) -> Iterator[Path | None]:
    """Give the folder that was named; for a demo, one that is gone afterwards."""
    if data is not None or not passing:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="signpipe-") as folder:
        yield Path(folder)
