"""What ships with signpipe beside its code: in a checkout it lies beside the package, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parent


def shipped(what: Literal["models", "samples"]) -> Path:
    """Return the folder of the models, or of the sample drive with its map, positions and truth."""
    inside = PACKAGE / f"_{what}"
    return inside if inside.is_dir() else PACKAGE.parent / what


def checkout() -> Path | None:
    """Return the checkout that the package lies in, or None where it is installed."""
    return None if (PACKAGE / "_models").is_dir() else PACKAGE.parent


def sample() -> Path:
    """Return the video of the sample drive; its map, positions and truth lie beside it."""
    return shipped("samples") / "drive.mp4"
