"""`signpipe doctor`: what this machine has, what it lacks, and how to get that."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import av
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import signpipe
from signpipe.cli.models import check_models
from signpipe.errors import SignpipeError
from signpipe.runtime.cores import usable_cores
from signpipe.runtime.manifest import find_model
from signpipe.runtime.providers import CLASH_REMEDY, PROVIDERS, runtime_packages, why_not
from signpipe.settings import Settings, load_settings
from signpipe.sources.v4l2 import list_cameras

PACKAGES = ("numpy", "opencv-python", "av", "filterpy", "scipy", "pydantic-settings", "typer", "rich")
CPU_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm")


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
    return [*_versions(), *_processor(), *_providers(), *_models(settings), *_cameras(), _display(), _encoder()]


def _versions() -> Iterator[Finding]:
    yield Finding("signpipe", State.OK, signpipe.__version__)
    yield Finding("python", State.OK, f"{platform.python_version()} on {platform.platform(terse=True)}")
    runtimes = runtime_packages()
    listed = ", ".join(f"{name} {_version(name)}" for name in runtimes) or "installed without package data"
    if len(runtimes) > 1:
        yield Finding("onnxruntime", State.BAD, f"{listed} hide each other; run  {CLASH_REMEDY}")
    else:
        yield Finding("onnxruntime", State.OK, listed)
    for package in PACKAGES:
        yield Finding(package, State.OK, _version(package))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # installed another way, such as opencv-python-headless or a system package
        return "installed without package data"


def _processor() -> Iterator[Finding]:
    info = _cpu_info()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    name = info.get("model name") or platform.processor() or platform.machine()
    features = [feature for feature in CPU_FEATURES if feature in flags]
    cores = usable_cores()
    yield Finding(
        "cpu", State.OK, f"{name}; {cores} usable core{'s' * (cores != 1)}; {' '.join(features) or 'features unknown'}"
    )


def _cpu_info() -> dict[str, str]:
    """Return what Linux says of the first CPU; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


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
