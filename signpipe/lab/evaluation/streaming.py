"""Signs as a car drives up to them: when they are confirmed, and what fusing the frames wins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.errors import SettingsError, SourceError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.evaluation.approach import PICTURE, Approach, centred
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.drives import evaluate_drives, open_scorer
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.rates import at_rates
from signpipe.opinion import Witness
from signpipe.runtime.session import open_models, open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, FloatArray, SignTrack
from signpipe.witnesses import open_witnesses

Progress = Callable[[int, int], None]
DROPPED = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
PATTERNS = ("random", "bursts")
BURST = 5  # frames lost in a row on average
GROWTH = 1.5  # a track whose sign grows by so much shows an approach at its true size


@dataclass(frozen=True, slots=True)
class Played:
    """What came out of one approach.

    Attributes:
        single: int64 (K,), the class that each frame alone says; of the K frames that weren't dropped.
        fused: int64 (K,), the class of the track at each of them.
        confirmed: Number of the frame at which a class was first published, or None.
        published: The classes that were published at any time.
        class_id: The true class.
    """

    single: npt.NDArray[np.int64]
    fused: npt.NDArray[np.int64]
    confirmed: int | None
    published: frozenset[int]
    class_id: int

    @property
    def final_right(self) -> bool:
        """Whether the class held at the end is the true one."""
        return bool(self.fused[-1] == self.class_id)


def evaluate_streaming(
    dataset: Dataset,
    settings: Settings,
    progress: Progress,
    fps: float = 10.0,
    rates: Sequence[float] = (),
    drives: int = 0,
) -> dict[str, Any]:
    """Play the tracks of a data set through the tracker and the fallback, with frames dropped.

    The boxes are those of the data set, centred in a virtual picture: what is measured is the fusion, not the
    detector. A dropped frame is one that the pipeline never sees, as when a live source is too fast.

    Args:
        dataset: Pictures with tracks, in the order of time.
        settings: The configuration.
        progress: Told how many steps are done, and how many there are.
        fps: Frames per second that are assumed; the benchmark's tracks have no time stamps. By how fast signs grow in
            them, a car at 12 m/s took GTSRB's at 10.
        rates: Other rates to which the tracks are thinned, or stretched, as a run publishes them: the witnesses of the
            settings are asked too. Everything else here is vision alone.
        drives: So many simulated drives of each kind at each of those rates too, beside other trackers.

    Raises:
        SettingsError: A frame rate isn't above 0, or drives are asked for at none.
        SourceError: No sign is seen in two frames or more, or a picture can't be read.
        ModelError: The classifier can't be used.
        ExtraMissingError: Drives are asked for, and the other trackers aren't installed.
    """
    for rate in (fps, *rates):
        if rate <= 0:
            raise SettingsError(f"The frame rate must be above 0, not {rate:g}.")
    if drives and not rates:
        raise SettingsError("Drives are driven at the other rates; name some, such as --rates 1,10.")
    score = open_scorer() if drives else None  # says at once if the extra is missing
    plays = [(0.0, "none"), *((share, pattern) for pattern in PATTERNS for share in DROPPED[1:])]
    pictures = len(dataset)
    approaches = read_approaches(dataset, settings, lambda done: progress(done, pictures + len(plays)))
    catalogue = load_catalogue()
    dropped: dict[str, dict[str, Any]] = {}
    for step, (share, pattern) in enumerate(plays, 1):
        played = [play(approach, settings, catalogue, fps, share, pattern) for approach in approaches]
        dropped.setdefault(pattern, {})[f"{share:g}"] = _summary(played, approaches, fps)
        progress(pictures + step, pictures + len(plays))
    whole = dropped.pop("none")["0"]
    frames = int(sum(len(approach.sizes) for approach in approaches))
    counts = {"single_accuracy": frames, "fused_accuracy": frames, "errors_removed_by_fusion": frames}
    flat = {key: value for key, value in whole.items() if isinstance(value, int | float)}
    others: dict[str, Any] = {}
    if rates:
        others["rates"] = at_rates(approaches, settings, catalogue, rates, fps, asking(settings, catalogue), progress)
    if score is not None:
        others["drives"] = evaluate_drives(approaches, settings, catalogue, rates, drives, score, progress)
    return (
        flat
        | others
        | {
            "assumed_fps": fps,
            "intervals_95": whole["intervals_95"],
            "dropped": dropped,
            "n": dict.fromkeys(flat, len(approaches)) | counts | whole["n"],
        }
    )


def asking(settings: Settings, catalogue: Catalogue) -> Callable[[], list[Witness]]:
    """Return what opens the witnesses of a configuration anew, for `at_rates`; its reader of figures stays open.

    Raises:
        ModelError: The reader can't be used.
    """
    return partial(open_witnesses, settings, catalogue, open_models(settings, detector=False, classifier=False).reader)


def read_approaches(dataset: Dataset, settings: Settings, progress: Callable[[int], None]) -> list[Approach]:
    """Classify all frames of the tracks of a data set, through the stage that the pipeline uses.

    Raises:
        SourceError: No sign is seen in two frames or more, or a picture can't be read.
        ModelError: The classifier can't be used.
    """
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    classify = Classify(settings.classify, session)
    frames: dict[tuple[str, int], list[tuple[FloatArray, Classifications, LabelledImage]]] = defaultdict(list)
    for done, labelled in enumerate(sorted(dataset, key=lambda one: one.path), 1):
        if labelled.track is not None and len(labelled.class_ids) == 1 and labelled.class_ids[0] >= 0:
            image = labelled.read()
            boxes = labelled.boxes_in(image.shape)
            size = boxes[0, 2:] - boxes[0, :2]
            observations = classify(image, Detections(boxes, np.ones(1, np.float32)))
            frames[labelled.track, int(labelled.class_ids[0])].append((size, observations, labelled))
        progress(done)
    approaches = [
        Approach(name, class_id, np.stack(sizes), Classifications.stacked(said), tuple(pictures))
        for (name, class_id), seen in frames.items()
        if len(seen) > 1
        for sizes, said, pictures in [zip(*seen, strict=True)]
    ]
    if not approaches:
        raise SourceError(
            f"The data set {dataset.root} has no tracks, one sign seen in several frames; GTSRB's training set has."
        )
    return approaches


def play(
    approach: Approach, settings: Settings, catalogue: Catalogue, fps: float, share: float, pattern: str
) -> Played:
    """Take one approach through the tracker and the fallback, without the frames that are dropped."""
    track = Track(settings.track, catalogue, settings.camera)
    fallback = Fallback(settings.fallback, catalogue)
    kept = np.flatnonzero(~dropped_frames(len(approach.sizes), share, pattern, approach.name))
    fused, published, confirmed = [], set(), None
    for frame in kept.tolist():
        one = slice(frame, frame + 1)
        observations = approach.observations[one]
        tracks, _ = track.update(centred(approach.sizes[frame]), observations, frame / fps, PICTURE)
        verdicts = fallback(tracks)
        latest: SignTrack = max(map(SignTrack.judged, tracks, verdicts), key=lambda one: one.id)
        fused.append(latest.class_id)
        if latest.is_sure:
            published.add(latest.class_id)
            confirmed = frame if confirmed is None else confirmed
    single = approach.observations.probability[kept].argmax(1).astype(np.int64)
    return Played(single, np.array(fused, np.int64), confirmed, frozenset(published), approach.class_id)


def dropped_frames(count: int, share: float, pattern: str, name: str) -> npt.NDArray[np.bool_]:
    """Return which frames of a track are lost, bool (count,); never all of them.

    The same track loses the same frames in every run, and with a larger share all that it lost with a smaller one.

    Args:
        count: Frames of the track.
        share: Share that is lost.
        pattern: "random", or "bursts" of several in a row.
        name: Name of the track, from which the chance is drawn.
    """
    lost = np.zeros(count, bool)
    wanted = min(round(share * count), count - 1)
    rng = seeded("dropped", name)
    if pattern == "bursts":
        starts = rng.permutation(-(-count // BURST)) * BURST
        order = np.concatenate([np.arange(start, min(start + BURST, count)) for start in starts])
    else:
        order = rng.permutation(count)
    lost[order[:wanted]] = True
    return lost


def _summary(played: Sequence[Played], approaches: Sequence[Approach], fps: float) -> dict[str, Any]:
    single = np.concatenate([one.single == one.class_id for one in played])
    fused = np.concatenate([one.fused == one.class_id for one in played])
    confirmed = [(one, approach) for one, approach in zip(played, approaches, strict=True) if one.confirmed is not None]
    wrong = sum(bool(one.published - {one.class_id}) for one in played)
    final = sum(one.final_right for one in played)
    single_errors = int((~single).sum())
    times = [(one.confirmed or 0) / fps for one, _ in confirmed]
    # Some tracks are known at one small size only; where a sign was confirmed is told by those that grow.
    sizes = [
        float(approach.sizes[one.confirmed or 0].max())
        for one, approach in confirmed
        if approach.sizes[-1].max() >= GROWTH * approach.sizes[0].max()
    ]
    return {
        "tracks": len(played),
        "single_accuracy": float(single.mean()),
        "fused_accuracy": float(fused.mean()),
        "errors_removed_by_fusion": 1 - float((~fused).sum()) / single_errors if single_errors else 0.0,
        "final_accuracy": final / len(played),
        "confirmed": len(confirmed) / len(played),
        "ever_wrong_published": wrong / len(played),
        "seconds_to_confirm_median": float(np.median(times)) if times else float("nan"),
        "seconds_to_confirm_p90": float(np.percentile(times, 90)) if times else float("nan"),
        "pixels_at_confirm_median": float(np.median(sizes)) if sizes else float("nan"),
        "single_changes_per_track": float(np.mean([np.count_nonzero(np.diff(one.single)) for one in played])),
        "fused_changes_per_track": float(np.mean([np.count_nonzero(np.diff(one.fused)) for one in played])),
        "n": {
            "seconds_to_confirm_median": len(times),
            "seconds_to_confirm_p90": len(times),
            "pixels_at_confirm_median": len(sizes),
        },
        "intervals_95": {
            "final_accuracy": list(wilson(final, len(played))),
            "ever_wrong_published": list(wilson(wrong, len(played))),
        },
    }
