"""`signpipe doctor`: what this machine has, what it lacks, and how to get that."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import av
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.cli.models import check_models
from signpipe.errors import SignpipeError
from signpipe.runtime.machine import Machine, describe_machine
from signpipe.runtime.manifest import find_model
from signpipe.runtime.providers import CLASH_REMEDY, PROVIDERS, int8_overflows, runtime_packages, why_not
from signpipe.settings import Settings, load_settings
from signpipe.sources.v4l2 import list_cameras

PACKAGES = ("numpy", "opencv-python", "av", "filterpy", "scipy", "pydantic-settings", "typer", "rich")
# Of a package installed another way, such as opencv-python-headless or one of the system.
NO_PACKAGE_DATA = "installed without package data"


class State(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"  # something optional isn't there
    BAD = "bad"  # signpipe can't run like this


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        topic: What was looked at.
        state: What it means.
        text: What was found, with the remedy if something is missing.
    """

    topic: str
    state: State
    text: str


def doctor(
    folder: Annotated[Path | None, typer.Option("--models", help="Folder with manifest.toml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print versions, execution providers (each tried for real), models, cameras and display.

    Ends with exit code 0 if signpipe can run here, else with 2.
    """
    findings = diagnose(load_settings(None, {"runtime.models": folder}))
    bad = [finding for finding in findings if finding.state is State.BAD]
    if as_json:
        print(json.dumps({"ok": not bad, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings, len(bad))
    if bad:
        raise typer.Exit(2)


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything that signpipe needs or can use.

    Args:
        settings: Which models run, and where they are.
    """
    machine = describe_machine()
    software, hardware = _versions(machine), _processor(machine)
    return [*software, *hardware, *_providers(), *_models(settings), *_cameras(), _display(), _encoder()]


def _versions(machine: Machine) -> Iterator[Finding]:
    yield Finding("signpipe", State.OK, machine.signpipe + (f" ({machine.commit})" if machine.commit else ""))
    yield Finding("python", State.OK, f"{machine.python} on {machine.os}")
    runtimes = runtime_packages()
    listed = ", ".join(f"{name} {machine.packages[name]}" for name in runtimes) or NO_PACKAGE_DATA
    if len(runtimes) > 1:
        yield Finding("onnxruntime", State.BAD, f"{listed} hide each other; run  {CLASH_REMEDY}")
    else:
        yield Finding("onnxruntime", State.OK, listed)
    for package in PACKAGES:
        yield Finding(package, State.OK, machine.packages.get(package, NO_PACKAGE_DATA))


def _processor(machine: Machine) -> Iterator[Finding]:
    cores = f"{machine.cores} usable core{'s' * (machine.cores != 1)}"
    yield Finding("cpu", State.OK, f"{machine.cpu}; {cores}; {' '.join(machine.cpu_features) or 'features unknown'}")
    if int8_overflows():
        slower = "no VNNI: models in int8 say the same, but are less of a gain here than docs/reference/models.md tells"
        yield Finding("int8", State.NOTE, slower)
    if machine.memory_gb is not None:
        yield Finding("memory", State.OK, f"{machine.memory_gb} GB")
    for gpu in machine.gpus:
        yield Finding("gpu", State.OK, gpu)


def _providers() -> Iterator[Finding]:
    for provider in reversed(PROVIDERS):
        reason = why_not(provider)
        lacking = State.BAD if provider == "cpu" else State.NOTE
        yield Finding(f"provider {provider}", lacking if reason else State.OK, reason or "ran a graph")


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        checked = check_models(settings.runtime, thoroughly=True)
    except SignpipeError as error:
        yield Finding("models", State.BAD, str(error))
        return
    for model, role in ((settings.detect.model, "detector"), (settings.classify.model, "classifier")):
        try:
            find_model(model, role, settings.runtime.models)
        except SignpipeError as error:
            yield Finding(role, State.BAD, str(error))
    for found in checked:
        state = State.BAD if found.problem else State.OK
        yield Finding(
            f"model {found.entry.name}", state, found.problem or f"{found.size / 1e6:.1f} MB, as the manifest says"
        )


def _cameras() -> Iterator[Finding]:
    cameras = list_cameras()
    if not cameras:
        yield Finding("cameras", State.NOTE, "none found; videos, pictures and streams work without")
    for camera in cameras:
        yield Finding("camera", State.OK, str(camera))


def _display() -> Finding:
    found = [f"{name}={os.environ[name]}" for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)]
    if found or sys.platform in ("win32", "darwin"):
        return Finding("display", State.OK, ", ".join(found) or sys.platform)
    return Finding("display", State.NOTE, "none (DISPLAY isn't set), so --window can't be used")


def _encoder() -> Finding:
    if "libx264" in av.codecs_available:
        return Finding("video encoder", State.OK, "libx264 (H.264)")
    return Finding(
        "video encoder",
        State.BAD,
        "PyAV has no libx264; install the wheel from PyPI:  pip install --force-reinstall av",
    )


def _print(findings: list[Finding], bad: int) -> None:
    colours = {State.OK: "green", State.NOTE: "yellow", State.BAD: "bold red"}
    table = Table(show_header=False, box=None, padding=(0, 1))
    for finding in findings:
        table.add_row(f"[{colours[finding.state]}]{finding.state}[/]", finding.topic, escape(finding.text))
    console = Console()
    console.print(table)
    console.print(
        "[green]signpipe can run here.[/]" if not bad else f"[bold red]{bad} things keep signpipe from running.[/]"
    )
