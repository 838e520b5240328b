"""What is written on signs: limits, measures, and what plates say; drawn by chance."""

from __future__ import annotations

import numpy as np

LIMITS = (*range(5, 105, 5), 110, 120, 130)


def number(rng: np.random.Generator) -> str:
    """Return a limit: mostly one that there is, but any number can stand there."""
    if rng.random() < 0.7:
        return str(rng.choice(LIMITS))
    return str(rng.integers(1, 10)) if rng.random() < 0.15 else str(rng.integers(10, 160))


def measure(kind: str, rng: np.random.Generator) -> str:
    """Return a measure of a kind: "weight", "axle", "height", "width", "length" or "feet"."""
    mark = str(rng.choice([",", "."]))
    gap = " " if rng.random() < 0.5 else ""
    if kind == "feet":
        return f"{rng.integers(6, 18)}'" + (f'{rng.integers(0, 12)}"' if rng.random() < 0.8 else "")
    if kind in ("weight", "axle"):
        amount = f"{rng.integers(1, 45)}" if rng.random() < 0.5 else f"{rng.integers(1, 20)}{mark}{rng.integers(0, 10)}"
        return f"{amount}{gap}{rng.choice(['t', 't', 't', 'T'])}"
    if kind == "length":
        return f"{rng.integers(5, 30)}{gap}m"
    low, high = (2, 5) if kind == "height" else (1, 4)
    amount = f"{rng.integers(low, high)}{mark}{rng.integers(0, 10)}"
    return f"{amount}{rng.integers(0, 10)}{gap}m" if rng.random() < 0.2 else f"{amount}{gap}m"


def plate(rng: np.random.Generator) -> str:
    """Return what a plate says in figures: a distance, a length, a span of time, a measure or a speed."""
    kind, gap = rng.random(), " " if rng.random() < 0.6 else ""
    mark = str(rng.choice([",", "."]))
    if kind < 0.3:
        metres = int(rng.choice([10, 20, 50])) * int(rng.integers(1, 20))
        return f"{metres}{gap}m"
    if kind < 0.45:
        return f"{rng.integers(1, 20)}{gap}km"
    if kind < 0.55:
        return f"{rng.integers(0, 10)}{mark}{rng.integers(1, 10)}{gap}km"
    if kind < 0.72:
        between = " - " if rng.random() < 0.4 else "-"
        return f"{rng.integers(0, 25)}{between}{rng.integers(0, 25)}" + (f"{gap}h" if rng.random() < 0.75 else "")
    if kind < 0.8:
        colon = str(rng.choice([":", ".", "h"]))
        first, last = rng.integers(0, 25, 2)
        minutes = [str(rng.choice(["00", "00", "30", "15"])) for _ in range(2)]
        return f"{first}{colon}{minutes[0]}-{last}{colon}{minutes[1]}"
    if kind < 0.84:
        return f"{rng.integers(1, 13)}{gap}am-{rng.integers(1, 13)}{gap}pm"
    if kind < 0.88:
        return f"{rng.integers(1, 20) * 50}{gap}{rng.choice(['yds', 'yd'])}"
    if kind < 0.97:
        return measure(str(rng.choice(["weight", "weight", "height", "width", "length"])), rng)
    return f"{rng.integers(1, 14) * 5}{gap}{rng.choice(['km/h', 'mph'])}"


def written(text: str) -> str:
    """Return a text as the reader writes it: no blanks, lower case, a point as the decimal mark, one form of yards."""
    return text.replace(" ", "").replace(",", ".").replace("yds", "yd").lower()
