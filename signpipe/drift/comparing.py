"""Comparing samples with a reference: each feature by a test that counts what is independent, all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.stats import chi2, false_discovery_control, kstwobign

from signpipe.drift.discrepancy import apart, chance_beyond, kernel_of, thinned
from signpipe.drift.features import DISTANCE, EMBEDDING, FEATURES, LABELS, PICTURE, SIGN
from signpipe.drift.reference import FEWEST, Reference
from signpipe.drift.samples import Sample, Values

LEAST = 20  # values of a feature, fewer of which say nothing
BINS = 10
WATCH, DRIFT = (0.01, 0.1), (0.001, 0.25)  # adjusted p-value at most, and PSI at least
_PERMUTATIONS = 200
_WINDOWS = 12  # windows of a reference, from which on they tell what is usual
_RARE = 5.0  # expected counts under which labels are put together


class Verdict(StrEnum):
    """Whether a source still is what it was."""

    NONE = "none"
    WATCH = "watch"
    DRIFT = "drift"

    @property
    def rank(self) -> int:
        """0 for none, 1 for watch, 2 for drift."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Compared:
    """One feature against the reference.

    Attributes:
        feature: Its name.
        samples: How many values there were.
        psi: Population stability index over ten equally filled bins of the reference (over labels, for those), less
            what chance alone gives; for embeddings the maximum mean discrepancy over the kernel's mean instead.
        p: Chance of so large a difference if nothing changed, by what counts as independent.
        q: The same, adjusted for the number of features (Benjamini and Hochberg).
        then: Median of the reference; None where there is none.
        now: Median of the samples.
        verdict: What it says by itself.
    """

    feature: str
    samples: int
    psi: float
    p: float
    q: float
    then: float | None
    now: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """All features against the reference.

    Attributes:
        verdict: The worst of the features' verdicts.
        features: Those that there were enough values of, the worst first.
        few: Those that there weren't.
    """

    verdict: Verdict
    features: tuple[Compared, ...]
    few: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def compare(reference: Reference, samples: Iterable[Sample], seed: int = 0) -> Report:
    """Compare samples with a reference.

    Args:
        reference: What they should be like.
        samples: A window of a run, or all of it.
        seed: Of the permutations for embeddings.
    """
    now = list(samples)
    found: list[tuple[str, int, float, float, float | None, float | None]] = []
    for name in (*PICTURE, *SIGN, DISTANCE):
        values = values_of(reference, name, now)
        if name in reference.values and len(values) >= LEAST:
            found.append((name, len(values), *_numeric(reference, name, values)))
    for name in LABELS:
        labels = [sample.labels[name] for sample in now if name in sample.labels]
        if len(labels) >= LEAST and sum(reference.labels.get(name, {}).values()) >= LEAST:
            found.append((name, len(labels), *_labelled(reference, name, labels), None, None))
    embeddings = [sample.embedding for sample in now if sample.embedding]
    if len(embeddings) >= LEAST and len(reference.embeddings) >= LEAST:
        embedded = _discrepancy(reference, embeddings, np.random.default_rng(seed))
        if embedded is not None:
            found.append((EMBEDDING, len(embeddings), *embedded, None, None))
    return _judged(found)


def values_of(reference: Reference, name: str, samples: Sequence[Sample]) -> Values:
    """Return the values of a numeric feature, float64 (N,)."""
    if name == DISTANCE:
        values = [value for sample in samples if (value := reference.distance(sample)) is not None]
    else:
        values = [sample.values[name] for sample in samples if name in sample.values]
    return np.array(values, np.float64)


def _judged(found: list[tuple[str, int, float, float, float | None, float | None]]) -> Report:
    few = tuple(name for name in FEATURES if name not in {one[0] for one in found})
    if not found:
        return Report(Verdict.NONE, (), few)
    adjusted = false_discovery_control([one[3] for one in found])
    features = []
    for (name, count, psi, p, then, now), q in zip(found, adjusted, strict=True):
        features.append(Compared(name, count, psi, p, float(q), then, now, _verdict(float(q), psi)))
    features.sort(key=lambda one: (-one.verdict.rank, one.q, -one.psi))
    return Report(features[0].verdict, tuple(features), few)


def _verdict(q: float, psi: float) -> Verdict:
    """Return what a feature says: a difference must be both beyond chance and large enough to matter."""
    for verdict, (chance, size) in ((Verdict.DRIFT, DRIFT), (Verdict.WATCH, WATCH)):
        if q <= chance and psi >= size:
            return verdict
    return Verdict.NONE


def _numeric(reference: Reference, name: str, values: Values) -> tuple[float, float, float, float]:
    """Return PSI, p and both medians."""
    kept, share = np.array(reference.values[name]), reference.effective[name]
    count, all_then = len(values) * share, reference.counts[name] * share
    usual = count * all_then / (count + all_then)
    grid = np.concatenate([kept, np.sort(values)])
    below_then = np.searchsorted(kept, grid, "right") / len(kept)
    below_now = np.searchsorted(np.sort(values), grid, "right") / len(values)
    largest = float(np.abs(below_then - below_now).max())
    edges = np.unique(np.quantile(kept, np.linspace(0, 1, BINS + 1)[1:-1]))
    then = np.bincount(np.searchsorted(edges, kept, "right"), minlength=len(edges) + 1)
    now = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1)
    psi = _stability(np.asarray(then * all_then / len(kept), np.float64), np.asarray(now * share, np.float64))
    p = float(kstwobign.sf(largest * np.sqrt(usual)))
    return psi, p, float(np.median(kept)), float(np.median(values))


def _labelled(reference: Reference, name: str, labels: Sequence[str]) -> tuple[float, float]:
    """Return PSI and p of labels, by a likelihood-ratio test; rare labels are one."""
    seen, before = Counter(labels), reference.labels[name]
    share = reference.effective[name]
    total_now, total_then = sum(seen.values()), sum(before.values())
    names = sorted(seen.keys() | before.keys())
    pairs = np.array([[before.get(one, 0), seen.get(one, 0)] for one in names], np.float64) * share
    expected = pairs.sum(axis=1) * total_now / (total_now + total_then)
    rare = expected < _RARE
    rows = np.concatenate([pairs[~rare], pairs[rare].sum(axis=0, keepdims=True)]) if rare.any() else pairs
    rows = rows[rows.sum(axis=1) > 0]
    if len(rows) < 2:
        return 0.0, 1.0
    fitted = rows.sum(axis=1, keepdims=True) * rows.sum(axis=0) / rows.sum()
    ratio = 2 * float((rows * np.log(np.maximum(rows, 1e-12) / fitted)).sum())
    return _stability(rows[:, 0], rows[:, 1]), float(chi2.sf(ratio, len(rows) - 1))


def _stability(then: Values, now: Values) -> float:
    """Return the population stability index of counts, less its mean under chance, not below 0."""
    bins = len(then)
    shares = [(counts + 0.5) / (counts.sum() + 0.5 * bins) for counts in (then, now)]
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    chance = (bins - 1) * (1 / max(then.sum(), 1) + 1 / max(now.sum(), 1))
    return float(round(max(index - chance, 0.0), 4))


def _discrepancy(
    reference: Reference, embeddings: Sequence[Sequence[float]], rng: np.random.Generator
) -> tuple[float, float] | None:
    """Return how far embeddings lie apart, and how likely that is by chance.

    None if they are of another classifier, or too few of them count as independent.

    Chance is what permutations give, and what the reference's own windows do, whichever is likelier: signs of one
    stretch are more alike than any number of independent ones would tell.
    """
    then = np.array(reference.embeddings, np.float64)
    now = np.array([one for one in embeddings if len(one) == then.shape[1]], np.float64)
    if len(now) < LEAST:
        return None
    now = thinned(now, reference.effective[EMBEDDING])
    if len(now) < FEWEST:
        return None
    kernel = kernel_of(np.concatenate([then, now]))
    own = np.concatenate([np.ones(len(then)), np.zeros(len(now))])
    found = apart(kernel, np.array([own, *(rng.permutation(own) for _ in range(_PERMUTATIONS))]))
    p, value = chance_beyond(float(found[0]), found[1:]), float(found[0]) / float(kernel.mean())
    if len(reference.unlike) >= _WINDOWS:
        p = max(p, chance_beyond(value, np.array(reference.unlike)))
    return round(max(value, 0.0) * 2, 4), p
