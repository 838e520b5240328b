"""Showing each training picture more than once, where making it takes longer than learning from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

POOL = 64  # batches that are kept to be shown again

Batch = list[torch.Tensor]


class Echo:
    """Data echoing (Choi et al., Faster Neural Network Training with Data Echoing, arXiv:1907.05550, 2019).

    Each batch is yielded as it comes, and after it batches of pictures drawn from the last ones in another mixture, so
    that a picture is shown about `times` times, far apart.

    Args:
        times: How often a picture is shown on average; 1 shows each once.
        seed: Seed of what is shown again.
    """

    def __init__(self, times: int, seed: int) -> None:
        self._times = times
        self._random = torch.Generator().manual_seed(seed)
        self._pool: Batch = []

    def __call__(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield batches, each a list of tensors with the pictures along the first axis, and others after each."""
        for batch in batches:
            yield batch
            if self._times > 1:
                self._keep(batch)
                for _ in range(self._times - 1):
                    yield self._again(len(batch[0]))

    def _keep(self, batch: Batch) -> None:
        """Put a batch into the pool, in the place of pictures drawn by chance once it is full."""
        count = len(batch[0])
        held = len(self._pool[0]) if self._pool else 0
        if held < POOL * count:
            self._pool = [torch.cat(pair) for pair in zip(self._pool, batch, strict=True)] if held else list(batch)
            return
        places = torch.randperm(held, generator=self._random)[:count]
        for kept, new in zip(self._pool, batch, strict=True):
            kept[places] = new

    def _again(self, count: int) -> Batch:
        """Return a batch of pictures from the pool, none twice."""
        chosen = torch.randperm(len(self._pool[0]), generator=self._random)[:count]
        return [kept[chosen] for kept in self._pool]
