"""The reader: a network that says which figures stand on a sign, with their probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.errors import ModelError
from signpipe.figures.crops import HEIGHT, WIDTH, crop_figures
from signpipe.figures.ctc import CHARACTERS, best_text, text_log_probability
from signpipe.runtime.session import Session
from signpipe.types import FloatArray, Image


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One look at one sign.

    Attributes:
        columns: float32 (T, A), log-probability of each character in each column of the crop, the blank first.
        struck: Probability that the sign is struck through.
        side: Pixels of the box's shorter side.
    """

    columns: FloatArray
    struck: float
    side: float

    @property
    def text(self) -> str:
        """The likeliest text; "" if there are no figures."""
        return best_text(self.columns)

    @property
    def probability(self) -> float:
        """Probability of the whole of `text`."""
        return float(np.exp(self.log_probability([self.text])[0]))

    def log_probability(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the log-probability of each text, float64 (len(texts),)."""
        return text_log_probability(self.columns, texts)


class Reader:
    """Reads the figures in boxes of a picture, all in one run of the network.

    Args:
        session: The open model; its role is "reader".

    Raises:
        ModelError: It was made for other characters or crops than this version of signpipe.

    Attributes:
        model_ms: Milliseconds that the last run of the network took.
    """

    def __init__(self, session: Session) -> None:
        entry = session.entry
        if entry.classes != CHARACTERS or entry.fixed_size != (HEIGHT, WIDTH):
            raise ModelError(
                f"The reader '{entry.name}' takes crops of {entry.fixed_size} pixels and writes "
                f"{len(entry.classes) - 1} characters, but this version of signpipe needs {(HEIGHT, WIDTH)} and "
                f"{len(CHARACTERS) - 1}; use the reader that came with it."
            )
        self._session = session
        self.model_ms = 0.0
        session.warm_up((1, *session.entry.input.shape[1:]))  # type: ignore[arg-type]  # the contract fixes the sizes

    def __call__(self, image: Image, xyxy: npt.ArrayLike) -> list[Reading]:
        """Read signs.

        Args:
            image: BGR uint8 (H, W, 3).
            xyxy: Boxes (N, 4) in pixels of `image`; they may reach outside.

        Returns:
            One reading a box.

        Raises:
            ValueError: The picture is empty or a box is not finite.
            ModelError: The model can't be run.
        """
        boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
        self.model_ms = 0.0
        if not len(boxes):
            return []
        run = self._session.run(crop_figures(image, boxes))
        self.model_ms = run.ms
        sides = (boxes[:, 2:] - boxes[:, :2]).min(1)
        return [
            Reading(columns, float(struck), float(side))
            for columns, struck, side in zip(run["log_probabilities"], run["struck"], sides, strict=True)
        ]
