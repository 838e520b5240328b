"""What a source showed when its models were chosen: each feature's distribution, and how much its own parts differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import ks_2samp

from signpipe.drift.discrepancy import relative_discrepancy, thinned
from signpipe.drift.features import DISTANCE, EMBEDDING, LABELS, PICTURE, SIGN
from signpipe.drift.samples import Sample, Values
from signpipe.errors import OutputError, SettingsError

PICTURES, SIGNS = 300, 60  # samples of a window: five minutes of pictures, and sixty signs
LEAST = 4  # windows that a feature's reference needs, so that its own parts can be compared
_KEPT = 1000  # values of a feature
_EMBEDDINGS = 200
FEWEST = 8  # independent embeddings that say something
_WINDOWS, _REST = 60, 5000  # windows that are compared with the rest, and values of the rest
_SHOWN = 8  # small pictures of each kind
_MEMBERS = 3  # signs of a class whose mean is kept
# Quantiles of Kolmogorov's distribution: what half and four fifths of all comparisons of like with like stay under.
_HALF, _FIFTHS = 0.8276, 1.0730


class Reference(BaseModel):
    """A reference; it is a JSON file.

    Attributes:
        values: Values of each numeric feature, in order of size, thinned evenly.
        counts: How many values those stand for.
        effective: Share of a feature's values that count as independent: neighbours in time are alike, and one stretch
            of road isn't like another. Measured by comparing windows of the reference with the rest of it.
        labels: How often each label of a feature was seen.
        embeddings: float (N, D), of signs.
        unlike: How far the embeddings of its own windows lie from those, as the maximum mean discrepancy over the
            kernel's mean.
        centres: Mean embedding of each class, unit length.
        scenes: Small pictures of scenes, JPEG in base64.
        signs: The same of signs.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    schema_: str = "signpipe-reference/1"
    values: dict[str, list[float]]
    counts: dict[str, int]
    effective: dict[str, float]
    labels: dict[str, dict[str, int]] = {}
    embeddings: list[list[float]] = []
    unlike: list[float] = []
    centres: dict[str, list[float]] = {}
    scenes: list[str] = []
    signs: list[str] = []

    def distance(self, sample: Sample) -> float | None:
        """Return how far a sign's embedding is from the mean of its class, 0..2; None where that isn't known."""
        centre = self.centres.get(sample.labels.get("class", ""))
        if centre is None or len(centre) != len(sample.embedding):
            return None
        return 1.0 - float(np.dot(centre, sample.embedding))

    def write(self, path: Path) -> None:
        """Write it.

        Raises:
            OutputError: The file can't be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.model_dump_json() + "\n")
        except OSError as error:
            raise OutputError(f"The reference {path} can't be written: {error.strerror}.") from None


def read_reference(path: Path) -> Reference:
    """Read a reference.

    Raises:
        SettingsError: It can't be read, or is none.
    """
    try:
        return Reference.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"The reference {path} can't be read: {error.strerror}.") from None
    except ValidationError:
        raise SettingsError(
            f"{path} is no reference: make one with  signpipe drift {path} SAMPLES --make  from samples of a run."
        ) from None


def make_reference(samples: Iterable[Sample]) -> Reference:
    """Make a reference of samples that are as they should be: days of driving, by day and by night.

    Raises:
        SettingsError: There are too few of them to know how much they differ by themselves.
    """
    everything = list(samples)
    scenes = [sample for sample in everything if sample.kind == "picture"]
    signs = [sample for sample in everything if sample.kind == "sign"]
    least = LEAST * PICTURES // 5
    if len(scenes) < least:
        raise SettingsError(
            f"There are {len(scenes)} pictures in the samples, and a reference needs {least} or more, a second apart: "
            "run for longer."
        )
    embeddings, centres = _embedded(signs)
    reference = Reference(
        values={}, counts={}, effective={}, labels=_labels(signs), embeddings=embeddings, centres=centres,
        scenes=_pictures(scenes), signs=_pictures(signs),
    )  # fmt: skip
    for names, of in ((PICTURE, scenes), (SIGN, signs)):
        for name in names:
            _describe(reference, name, [sample.values[name] for sample in of if name in sample.values])
    _describe_kinds(reference, signs)
    distances = [value for sample in signs if (value := reference.distance(sample)) is not None]
    _describe(reference, DISTANCE, distances)
    return reference


def window_of(feature: str) -> int:
    """Return how many values of a feature make a window."""
    return PICTURES if feature in PICTURE else SIGNS


def _describe(reference: Reference, name: str, values: list[float]) -> None:
    """Put a feature into a reference, if there are enough values of it."""
    array = np.array(values, np.float64)
    window = min(window_of(name), len(array) // LEAST)
    if window < window_of(name) // 5:
        return
    kept = np.sort(array)[np.linspace(0, len(array) - 1, min(len(array), _KEPT)).round().astype(int)]
    reference.values[name] = [float(value) for value in kept]
    reference.counts[name] = len(array)
    reference.effective[name] = round(effective_share(array, window), 4)


def effective_share(values: Values, window: int) -> float:
    """Return which share of the values of a window counts as independent, at most 1.

    Were they all, Kolmogorov's distribution would tell how far windows of the reference differ from the rest of it.
    They differ further, and by as much fewer values are worth.

    Args:
        values: (N,) in order of time.
        window: How many make a window.
    """
    starts = np.arange(0, len(values) - window + 1, window)
    differences = []
    for start in starts[np.linspace(0, len(starts) - 1, min(len(starts), _WINDOWS)).round().astype(int)]:
        rest = np.concatenate([values[:start], values[start + window :]])
        rest = rest[:: max(len(rest) // _REST, 1)]
        differences.append(ks_2samp(values[start : start + window], rest, method="asymp").statistic)
    rest_size = len(values) - window
    usual = window * rest_size / (window + rest_size)
    shares = [
        (expected / max(float(np.quantile(differences, quantile)), 1e-6)) ** 2 / usual
        for expected, quantile in ((_HALF, 0.5), (_FIFTHS, 0.8))
    ]
    return float(np.clip(min(shares), 1 / window, 1.0))


def _describe_kinds(reference: Reference, signs: Sequence[Sample]) -> None:
    """Say of labels and embeddings how many values a window is worth: a road's signs are alike."""
    for name in LABELS:
        said = [sample.labels[name] for sample in signs if name in sample.labels]
        names = sorted(set(said))
        rows = np.array([[label == one for one in names] for label in said], np.float64)
        reference.effective[name] = share_of_means(rows, min(SIGNS, len(said) // LEAST))
    embedded = [sample.embedding for sample in signs if sample.embedding]
    rows = np.array([one for one in embedded if len(one) == len(embedded[0])], np.float64)
    reference.effective[EMBEDDING] = share = share_of_means(rows, min(SIGNS, len(rows) // LEAST))
    if int(SIGNS * share) >= FEWEST:
        kept = np.array(reference.embeddings, np.float64)
        starts = np.arange(0, len(rows) - SIGNS + 1, SIGNS)
        starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), 2 * _WINDOWS)).round().astype(int)]
        windows = (thinned(rows[start : start + SIGNS], share) for start in starts)
        reference.unlike = [round(relative_discrepancy(kept, window), 5) for window in windows]


def share_of_means(rows: Values, window: int) -> float:
    """Return which share of the rows of a window counts as independent, at most 1.

    Were they all, the means of windows would vary by the rows' own variance over the size of a window.

    Args:
        rows: (N, K) in order of time.
        window: How many make a window; under 2 nothing is known, and a window counts as one row.
    """
    if window < 2:
        return 0.0
    means = np.array([rows[start : start + window].mean(axis=0) for start in range(0, len(rows) - window + 1, window)])
    expected, found = float(rows.var(axis=0).sum()) / window, float(means.var(axis=0, ddof=1).sum())
    return round(float(np.clip(expected / max(found, 1e-12), 1 / window, 1.0)), 4)


def _labels(signs: Sequence[Sample]) -> dict[str, dict[str, int]]:
    return {name: dict(Counter(sample.labels[name] for sample in signs if name in sample.labels)) for name in LABELS}


def _embedded(signs: Sequence[Sample]) -> tuple[list[list[float]], dict[str, list[float]]]:
    """Return some embeddings, and the mean of each class."""
    embedded = [sample for sample in signs if sample.embedding]
    dimensions = Counter(len(sample.embedding) for sample in embedded).most_common(1)
    embedded = [sample for sample in embedded if len(sample.embedding) == dimensions[0][0]]
    groups: dict[str, list[tuple[float, ...]]] = {}
    for sample in embedded:
        groups.setdefault(sample.labels.get("class", ""), []).append(sample.embedding)
    centres = {}
    for name, members in groups.items():
        if name and len(members) >= _MEMBERS:
            mean = np.mean(members, axis=0)
            centres[name] = np.round(mean / max(float(np.linalg.norm(mean)), 1e-9), 3).tolist()
    return [list(sample.embedding) for sample in _spread(embedded, _EMBEDDINGS)], centres


def _pictures(samples: Sequence[Sample]) -> list[str]:
    return [sample.jpeg for sample in _spread([one for one in samples if one.jpeg], _SHOWN) if sample.jpeg]


def _spread(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Return so many samples at most, evenly spread over all."""
    if len(samples) <= most:
        return list(samples)
    return [samples[int(index)] for index in np.linspace(0, len(samples) - 1, most).round()]
