"""A pool of training pictures that are made once, kept in a file and learned from in many passes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from rich.progress import track
from torch.utils.data import DataLoader, Subset

from signpipe.errors import SourceError
from signpipe.lab.room import require_room

CHUNK = 1024  # pictures that are made at a time; what an interruption loses at most
KEPT = ("pictures", "targets", "parts", "looks")
_SMALLER = {np.dtype(np.float32): np.dtype(np.float16)}  # the shares and probabilities of targets and parts


class Made(Protocol):
    """What makes training pictures: arrays by number, as `TrainingCrops` and `EmbeddingCrops` do."""

    def __getitem__(self, index: int, /) -> tuple[npt.NDArray[Any], ...]:
        """Return a picture and what is known of it."""


class Pool:
    """Map-style data set that shows the same pictures in each pass, in another order.

    Making a crop takes longer than learning from it, and a small network doesn't learn hundreds of thousands by heart.

    Args:
        folder: Where the pool is, or is made; what was made before an interruption stays.
        made: Makes the pictures.
        count: How many there are.
        identity: What the pictures depend on.
        seed: Seed of the order.
        workers: Processes that make pictures.

    Raises:
        OutputError: The disk has no room for the pictures that are missing.
        SourceError: The folder holds a pool of other pictures.
    """

    def __init__(
        self, folder: Path, made: Made, count: int, identity: dict[str, Any], seed: int, workers: int = 2
    ) -> None:
        self._count, self._seed = count, seed
        self._pass, self._order = -1, np.arange(0)
        self._arrays = _filled(folder, made, count, identity, workers)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        """Return a picture and what is known of it, as what made it did, but for the precision of float16."""
        number, place = divmod(index, self._count)
        if number != self._pass:
            self._pass = number
            self._order = np.random.default_rng((self._seed, 2, number)).permutation(self._count)
        pick = self._order[place]
        return tuple(
            np.asarray(one[pick], np.float32 if one.dtype == np.float16 else one.dtype) for one in self._arrays
        )


def _filled(folder: Path, made: Made, count: int, identity: dict[str, Any], workers: int) -> list[npt.NDArray[Any]]:
    """Return the arrays of a whole pool, after making what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    state_file = folder / "pool.json"
    state = json.loads(state_file.read_text(encoding="utf-8")) if state_file.exists() else {}
    wanted = json.loads(json.dumps({"count": count, "identity": identity}))
    if state and {key: state[key] for key in wanted} != wanted:
        raise SourceError(
            f"{folder} holds other training pictures; delete it, or repeat the settings it was made with."
        )
    done = int(state.get("done", 0))
    kept = [(name, _SMALLER.get(part.dtype, part.dtype), part.shape) for name, part in zip(KEPT, made[0], strict=False)]
    # Writing to a mapped file on a full disk kills the process, so it is asked beforehand.
    bytes_each = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in kept)
    require_room(folder, (count - done) * bytes_each, f"Making {count - done} training pictures")
    arrays = [
        np.lib.format.open_memmap(folder / f"{name}.npy", "r+" if state else "w+", dtype, (count, *shape))
        for name, dtype, shape in kept
    ]
    missing = DataLoader(Subset(made, range(done, count)), CHUNK, num_workers=workers)
    for parts in track(missing, description="crops", total=-(-(count - done) // CHUNK)):
        end = done + len(parts[0])
        for array, part in zip(arrays, parts, strict=True):
            array[done:end] = part.numpy()
            array.flush()
        done = end
        state_file.write_text(json.dumps(wanted | {"done": done}) + "\n", encoding="utf-8")
    return list(arrays)
