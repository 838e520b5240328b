"""The result file: what was measured, and everything that it depends on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.errors import OutputError, SourceError
from signpipe.runtime.machine import describe_machine
from signpipe.runtime.placement import place_nodes
from signpipe.runtime.session import Session, open_session
from signpipe.settings import RuntimeSettings, Settings
from signpipe.sources import redact

SCHEMA = "signpipe.bench/1"
CROPS = 4  # signs in the picture when the classifier's nodes are looked at
PICTURE = (720, 1280)
BUSY = 0.1  # share of the cores from which other work disturbs a measurement


@dataclass(slots=True)
class BenchResult:
    """What one call of `signpipe bench` measured.

    Attributes:
        machine: The machine, its versions and the commit; the fields of `signpipe.runtime.machine.Machine`.
        source: Name of the source, without its folder and without credentials.
        settings: The settings tree of the run.
        models: By role: `name`, `sha256`, `precision`, `providers` of the session in their order, and `nodes`: by
            provider the number of nodes that it ran, and their share of the time.
        scenarios: By name: `frames` and `metrics`.
        sweeps: By name: a list of points with `value` and `metrics`.
        peers: By name: `what` it is and `metrics`.
    """

    machine: dict[str, Any]
    source: str
    settings: dict[str, Any]
    models: dict[str, Any] = field(default_factory=dict)
    scenarios: dict[str, Any] = field(default_factory=dict)
    sweeps: dict[str, Any] = field(default_factory=dict)
    peers: dict[str, Any] = field(default_factory=dict)

    @property
    def disturbances(self) -> list[str]:
        """Sentences on scenarios beside which other work went on: their times are too long, and ratios rough."""
        cores = self.machine["cores"]
        return [
            f"{name}: other work took {other:.1f} of {cores} cores meanwhile"
            for name, scenario in self.scenarios.items()
            if (other := scenario["metrics"].get("other_work_cores") or 0.0) > BUSY * cores
        ]


def new_result(source: str, settings: Settings) -> BenchResult:
    """Return a result without measurements: the machine, the settings, and where the models' nodes run.

    Raises:
        ModelError: A model can't be used.
        ProviderError: The provider asked for can't be had.
    """
    models = {
        "detector": _describe_model(settings.detect.model, "detector", settings.runtime),
        "classifier": _describe_model(settings.classify.model, "classifier", settings.runtime),
    }
    # What follows is about files and windows: nothing that a speed depends on, and paths are nobody's business.
    tree = settings.model_dump(mode="json", exclude={"output": True, "runtime": {"models"}})
    return BenchResult(asdict(describe_machine()), _short(source), tree, models)


def check_writable(path: Path) -> None:
    """Find out before a long measurement whether its file can be written.

    Raises:
        OutputError: It can't.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"{path} can't be written: it is a folder, or not yours to write; choose another file.")


def write_result(result: BenchResult, path: Path) -> None:
    """Write a result file.

    Raises:
        OutputError: It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"schema": SCHEMA} | asdict(result), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None


def read_result(path: Path) -> BenchResult:
    """Read a result file.

    Raises:
        SourceError: It can't be read, holds something else, or results of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"The result file {path} can't be read: {error.strerror}.") from None
    except ValueError:  # no JSON, or no UTF-8
        raise SourceError(f"{path} is no JSON: give a file that `signpipe bench --json` wrote.") from None
    schema = content.pop("schema", None) if isinstance(content, dict) else None
    if schema != SCHEMA:
        kind = f"of version {schema}" if isinstance(schema, str) else "of no version that is known"
        raise SourceError(f"{path} holds results {kind}, not {SCHEMA}: measure again with `signpipe bench --json`.")
    try:
        return BenchResult(**content)
    except TypeError:
        raise SourceError(f"{path} lacks parts of a {SCHEMA} result: measure again with `signpipe bench`.") from None


def _describe_model(model: str, role: str, settings: RuntimeSettings) -> dict[str, Any]:
    session = open_session(model, settings, role)
    shares = place_nodes(session, np.zeros(_input_shape(session, role), np.uint8), settings.threads)
    entry = session.entry
    return {
        "name": entry.name,
        "sha256": entry.sha256,
        "precision": entry.precision,
        "providers": list(session.providers),
        "nodes": {name: asdict(share) for name, share in shares.items()},
    }


def _input_shape(session: Session, role: str) -> tuple[int, ...]:
    """Return the shape of a usual input."""
    if role == "classifier":
        side = int(session.entry.input.shape[1])
        return (CROPS, side, side, 3)
    stride = session.entry.input.stride or 32
    height, width = session.entry.fixed_size or tuple(-(-side // stride) * stride for side in PICTURE)
    return (1, height, width, 3)


def _short(source: str) -> str:
    return redact(source) if "://" in source else Path(source).name
