"""Made-up samples with the dependence that drives have: pictures resemble their neighbours, signs don't."""

from __future__ import annotations

import numpy as np

from signpipe.drift import Sample

CLASSES = ("stop", "give_way", "speed_limit_30", "speed_limit_50", "no_entry")


def samples(
    seed: int, seconds: int = 3600, shift: float = 0.0, start: float = 0.0, unlike: bool = False
) -> list[Sample]:
    """Return a drive.

    Args:
        seed: Of everything random.
        seconds: Its length; there is a picture a second and a sign every ten.
        shift: By so many of its own spreads each feature of pictures lies higher.
        start: Media time of the first picture.
        unlike: Whether the embeddings of signs lie elsewhere.
    """
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(CLASSES), 16))
    made, state = [], rng.normal()
    for second in range(seconds):
        state = 0.95 * state + np.sqrt(1 - 0.95**2) * rng.normal()  # as scenes change: correlated over twenty seconds
        bright = state + shift
        values = {"brightness": 100 + 20 * bright, "sharpness": -0.5 + 0.1 * float(rng.normal() + shift)}
        made.append(Sample(kind="picture", at=start + second, values=values))
        if second % 10 == 9:
            number = int(rng.integers(len(CLASSES)))
            look = centres[number] + 0.8 * rng.normal(size=16) + (1.5 if unlike else 0.0)
            look /= np.linalg.norm(look)
            made.append(
                Sample(
                    kind="sign", at=start + second, embedding=tuple(look.tolist()),
                    values={"side": float(rng.normal(5, 1)), "y": float(rng.normal(0.4, 0.05))},
                    labels={"class": CLASSES[number], "sure": "yes" if rng.random() < 0.9 else "no"},
                )
            )  # fmt: skip
    return made
