"""Gates before the road: what a safety manager asks for, and whether the drives have it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from signpipe.errors import SettingsError
from signpipe.lab.shadow.report import ALL, KINDS, Report
from signpipe.settings import Section
from signpipe.shadow.exposure import LIGHTS, ROADS, WEATHERS

_CONDITIONS = {*ROADS, *LIGHTS, *WEATHERS}


class Manager(Section):
    """Who answers for the gates."""

    name: str = Field(min_length=1)
    date: date


class Gate(Section):
    """What must be there before the next step."""

    name: str = Field(min_length=1)
    kilometres: float = Field(ge=0)
    hours: float = Field(0.0, ge=0)
    reviewed: bool = True
    cover: dict[str, float] = Field(default_factory=dict)
    faults: dict[str, float] = Field(default_factory=dict)

    @field_validator("cover")
    @classmethod
    def _conditions(cls, cover: dict[str, float]) -> dict[str, float]:
        for text in cover:
            for one in parts(text):
                if one not in _CONDITIONS:
                    raise ValueError(
                        f"'{one}' is no road, light or weather; there are {', '.join(sorted(_CONDITIONS))}"
                    )
        return cover

    @field_validator("faults")
    @classmethod
    def _kinds(cls, faults: dict[str, float]) -> dict[str, float]:
        for name in faults:
            if name not in (*KINDS, ALL):
                raise ValueError(f"'{name}' is no disagreement; there are {', '.join((*KINDS, ALL))}")
        return faults


class Gates(Section):
    """A file of gates, from the first to the last."""

    manager: Manager
    gate: list[Gate] = Field(min_length=1)
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class CheckedGate:
    """What came of one gate.

    Attributes:
        name: Its name.
        passed: Whether all that it asks for is there, and the gates before it are passed.
        open: What is missing, in words.
    """

    name: str
    passed: bool
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of all gates.

    Attributes:
        manager: Who set them.
        date: When, as YYYY-MM-DD.
        sha256: Of the file that sets them.
        gates: In order.
    """

    manager: str
    date: str
    sha256: str
    gates: tuple[CheckedGate, ...]


def read_gates(path: Path) -> Gates:
    """Read the gates.

    Raises:
        SettingsError: The file can't be read, names nobody who answers for it, or asks for what there isn't.
    """
    try:
        content = path.read_bytes()
        tree = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The gates {path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise SettingsError(f"The gates {path} are no valid TOML: {error}.") from None
    try:
        return Gates(**{**tree, "sha256": hashlib.sha256(content).hexdigest()})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        hint = "; a safety manager must set them: [manager] with name and date" if first["loc"][0] == "manager" else ""
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"The gates {path} can't be used: {where}: {said}{hint}.") from None


def check_gates(gates: Gates, report: Report) -> Checked:
    """Say of each gate whether it is passed, and what is missing."""
    checked: list[CheckedGate] = []
    for gate in gates.gate:
        open_ = list(_missing(gate, report))
        if checked and not checked[-1].passed:
            open_.insert(0, f"the gate before it, {checked[-1].name}, isn't passed")
        checked.append(CheckedGate(gate.name, not open_, tuple(open_)))
    return Checked(gates.manager.name, gates.manager.date.isoformat(), gates.sha256, tuple(checked))


def parts(text: str) -> list[str]:
    """Return the conditions in a text such as "motorway, night"."""
    return [one.strip() for one in text.split(",")]


def _missing(gate: Gate, report: Report) -> Iterator[str]:
    if report.kilometres < gate.kilometres:
        yield f"{report.kilometres:.1f} of {gate.kilometres:g} km"
    if report.hours < gate.hours:
        yield f"{report.hours:.2f} of {gate.hours:g} h"
    if gate.reviewed and report.rates[ALL].open:
        yield f"nobody has looked at {report.rates[ALL].open} events"
    for text, wanted in gate.cover.items():
        driven = report.covered(parts(text))
        if driven < wanted:
            yield f"{driven:.1f} of {wanted:g} km on {text}"
    for name, most in gate.faults.items():
        high = report.rates[name].interval[1]
        if high > most:
            yield f"{name}: up to {high:.1f} faults a 100 km (95 %), at most {most:g} are allowed"
