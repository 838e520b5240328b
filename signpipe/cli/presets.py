"""The shipped models by what they are for."""

from __future__ import annotations

from typing import Annotated

import typer

from signpipe.errors import SettingsError

PRESETS = ("fast", "accurate", "world")
PresetOption = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PRESETS),
        help="Which shipped models: fast, for CPUs; accurate, for GPUs; world, for signs "
        "of every kind, which --country takes by itself.",
    ),
]


def detector_of(preset: str | None) -> str | None:
    """Return the name in the manifest of a preset's detector, or None of None.

    Raises:
        SettingsError: There is no such preset.
    """
    if preset not in (None, *PRESETS):
        raise SettingsError(f"There is no preset '{preset}'; choose {', '.join(PRESETS)}, or give a model by name.")
    return preset and f"detector-{preset}"
