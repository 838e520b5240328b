"""What was read on a sign."""

from __future__ import annotations

from dataclasses import dataclass

SURE_FIGURES = 0.9  # probability from which what was read is taken for what stands there


@dataclass(frozen=True, slots=True)
class FiguresRead:
    """The figures that a sign or plate carries, read over all looks at it.

    Attributes:
        text: As written, without blanks, with a point as the decimal mark: "80", "7.5t", "200m", "22-6h"; "" for a sign
            without figures, "?" for writing that isn't one line of figures.
        unit: Its unit, such as "t", "m" or "km/h"; "" where none is written, or it is no single quantity.
        probability: Of the whole text, 0..1, calibrated.
        struck: Probability that the sign is struck through, 0..1.
        looks: Number of looks that it was read from.
    """

    text: str
    unit: str
    probability: float
    struck: float = 0.0
    looks: int = 1

    @property
    def is_sure(self) -> bool:
        """True if the text is taken for what stands there: the value of a sign, the condition of a plate."""
        return self.probability >= SURE_FIGURES
