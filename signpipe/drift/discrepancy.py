"""The maximum mean discrepancy between two sets of embeddings (Gretton et al. 2012), with a Gaussian kernel."""

from __future__ import annotations

import numpy as np
from scipy.stats import pearson3

from signpipe.drift.samples import Values


def kernel_of(both: Values) -> Values:
    """Return the kernel between embeddings of unit length, as wide as their median distance; its diagonal is 0.

    Args:
        both: (N, D).

    Returns:
        (N, N).
    """
    squares = np.maximum(2 - 2 * both @ both.T, 0)
    kernel = np.exp(-squares / max(float(np.median(squares[squares > 0])), 1e-9))
    np.fill_diagonal(kernel, 0)
    return np.asarray(kernel, np.float64)


def apart(kernel: Values, chosen: Values) -> Values:
    """Return how far two sets lie apart, for several ways of choosing the first of them.

    Args:
        kernel: (N, N) between all of both.
        chosen: (K, N), 1 where one is of the first set and 0 where of the second.

    Returns:
        (K,), around 0 if both are alike.
    """
    n = int(chosen[0].sum())
    m = chosen.shape[1] - n
    rows, total = kernel.sum(axis=1), float(kernel.sum())
    inside = ((chosen.astype(np.float32) @ kernel.astype(np.float32)) * chosen).sum(axis=1).astype(np.float64)
    across = chosen @ rows - inside
    return np.asarray(
        inside / (n * (n - 1)) + (total - inside - 2 * across) / (m * (m - 1)) - 2 * across / (n * m), np.float64
    )


def relative_discrepancy(then: Values, now: Values) -> float:
    """Return how far two sets of embeddings lie apart, over the kernel's mean."""
    kernel = kernel_of(np.concatenate([then, now]))
    own = np.concatenate([np.ones(len(then)), np.zeros(len(now))])
    return float(apart(kernel, own[None])[0]) / float(kernel.mean())


def chance_beyond(value: float, usual: Values) -> float:
    """Return how likely a value at least so large is, by the first three moments of what is usual."""
    spread = max(float(usual.std()), 1e-12)
    skew = float((((usual - usual.mean()) / spread) ** 3).mean())
    return float(pearson3.sf((value - float(usual.mean())) / spread, skew))


def thinned(embeddings: Values, share: float) -> Values:
    """Return as many embeddings, evenly spread, as count as independent."""
    size = min(int(len(embeddings) * share), len(embeddings))
    return np.asarray(embeddings[np.linspace(0, len(embeddings) - 1, size).round().astype(int)], np.float64)
