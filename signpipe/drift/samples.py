"""What is kept of a run for comparing: a line a second of pictures, and a line a sign."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signpipe.errors import SourceError

Values = npt.NDArray[np.float64]

SCHEMA = "signpipe-samples/1"


class Sample(BaseModel):
    """A picture, or a sign that was passed.

    Attributes:
        kind: Which of both.
        at: Media time in seconds.
        values: Its features by name.
        labels: Of a sign: its likeliest `class`, and whether it was `sure`: "yes" or "no".
        embedding: Of a sign, unit length; empty where the classifier has none.
        jpeg: A small picture of it in base64, now and then.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    kind: Literal["picture", "sign"]
    at: float
    values: dict[str, float] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    embedding: tuple[float, ...] = Field((), repr=False)
    jpeg: str | None = Field(None, repr=False)

    @property
    def picture(self) -> bytes | None:
        """The small picture's JPEG, or None."""
        return base64.b64decode(self.jpeg) if self.jpeg else None

    def record(self) -> dict[str, Any]:
        """Return it as a line of a file holds it."""
        return {"schema": SCHEMA, **self.model_dump(exclude_defaults=True)}


def read_samples(paths: Sequence[Path]) -> Iterator[Sample]:
    """Yield the samples of files in order; a last line that was cut off is left out.

    Raises:
        SourceError: A file can't be read, or holds something else.
    """
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip() and (sample := _sample(path, number, line)) is not None:
                        yield sample
        except OSError as error:
            raise SourceError(f"The samples {path} can't be read: {error.strerror}.") from None


def _sample(path: Path, number: int, line: str) -> Sample | None:
    """Return the sample of a line, or None for a line that was cut off."""
    try:
        record = json.loads(line)
        if record["schema"] == SCHEMA:
            return Sample.model_validate(record)
    except ValidationError:
        pass
    except (ValueError, KeyError, TypeError):
        if not line.endswith("\n"):
            return None
    raise SourceError(
        f"Line {number} of {path} is no sample of a run: make such files with  signpipe run SOURCE --samples FILE."
    ) from None
