"""How much a part of a run holds on to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from signpipe.catalogue import load_catalogue

CATALOGUE = load_catalogue()


def weight(held: Any, seen: set[int]) -> int:
    """Return how many values are held by an object, directly and through what it holds.

    What is held may be filled by another thread meanwhile: each container is copied at once before it is looked into.
    """
    if id(held) in seen or isinstance(held, type) or held is CATALOGUE:
        return 0
    seen.add(id(held))
    if isinstance(held, np.ndarray):
        return held.size
    if isinstance(held, str | bytes):
        return len(held)
    if isinstance(held, Mapping):
        return sum(weight(key, seen) + weight(value, seen) for key, value in list(held.items()))
    if isinstance(held, Iterable) and hasattr(held, "__len__"):
        return sum(weight(one, seen) for one in list(held))
    if is_dataclass(held):
        return sum(weight(getattr(held, one.name), seen) for one in fields(held))
    return 1 + sum(weight(value, seen) for value in list(getattr(held, "__dict__", {}).values()))
