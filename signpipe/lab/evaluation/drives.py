"""Whole scenes: identities and verdicts on simulated drives with exact truth, beside other trackers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.errors import ExtraMissingError
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.simulation.boxes import KINDS, PICTURE, BoxFrame, Looks, Post, course, drive
from signpipe.settings import Settings
from signpipe.stages.boxes import overlaps
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import SignTrack

LARGE = 40.0  # pixels of a side from which a sign has to be confirmed
READABLE = 20.0  # and from which one can be read
FIRST = 100  # seed of the first drive; on those before it, constants may be chosen
PEERS = ("SORT", "OC-SORT", "ByteTrack")
SELF = "signpipe"
ALONE = 10**9  # beyond the number of any track

Identities = list[list[int]]  # of each frame, the track of each detection; -1 for none


@dataclass(slots=True)
class Tally:
    """What came out of drives at one rate with one tracker.

    Attributes:
        sequences: HOTA's and IDF1's numbers of each drive.
        signs: Signs that were detected.
        tracks: Tracks that these had.
        switches: How often the track of a sign changed.
        large: Signs that were seen at `LARGE` or more.
        confirmed: Those of them of which the right class was published.
        published: Signs of which any class was published.
        wrong: Signs, and false alarms, of which a wrong class was published.
        before: Of each sign whose right class was published, how many metres before it that was first.
        after: And how many metres after it was first `READABLE` large.
    """

    sequences: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    signs: int = 0
    tracks: int = 0
    switches: int = 0
    large: int = 0
    confirmed: int = 0
    published: int = 0
    wrong: int = 0
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def evaluate_drives(
    approaches: Sequence[Approach],
    settings: Settings,
    catalogue: Catalogue,
    rates: Sequence[float],
    drives: int,
    score: Scorer,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Drive simulated courses of every kind at every rate.

    What is read of a sign is what the classifier says of a real sign of its class at about its size.

    Args:
        approaches: The real signs.
        settings: The configuration.
        catalogue: The classes.
        rates: Frames a second.
        drives: Courses of each kind.
        score: What tells how whole tracks stay, see `open_scorer`.
        progress: Told how many drives are done, and how many there are.
    """
    real = defaultdict(list)
    for one in approaches:
        real[one.class_id].append((np.sqrt(one.sizes.prod(axis=1)), one.observations))
    tallies: dict[str, dict[str, Tally]] = {f"{rate:g}": {name: Tally() for name in (SELF, *PEERS)} for rate in rates}
    todo = [(rate, kind, seed) for rate in rates for kind in KINDS for seed in range(FIRST, FIRST + drives)]
    for done, (rate, kind, seed) in enumerate(todo, 1):
        road = course(kind, seed, sorted(real))
        frames = drive(road, rate, seed)
        tally = tallies[f"{rate:g}"]
        own = _own(frames, Looks(dict(real), road.posts, seed), road.posts, settings, catalogue, tally[SELF])
        given = {SELF: own} | {name: _peer(name, frames, rate) for name in PEERS}
        for name, identities in given.items():
            tally[name].sequences.append(score.sequence(frames, identities))
            _count(frames, identities, tally[name])
        progress(done, len(todo))
    return {rate: {name: score.summary(one) for name, one in by_name.items()} for rate, by_name in tallies.items()}


def _own(
    frames: Sequence[BoxFrame],
    looks: Looks,
    posts: Sequence[Post],
    settings: Settings,
    catalogue: Catalogue,
    tally: Tally,
) -> Identities:
    """Return the identities that signpipe gives, and count what it publishes."""
    track, fallback = Track(settings.track, catalogue, settings.camera), Fallback(settings.fallback, catalogue)
    identities, large, wrong, published = [], set[int](), set[tuple[int, int]](), set[int]()
    readable, right = dict[int, float](), dict[int, float]()  # metres before each sign
    for frame in frames:
        tracks, ids = track.update(frame.detections, looks.of(frame), frame.time, PICTURE)
        sure = {one.id: one for one in map(SignTrack.judged, tracks, fallback(tracks)) if one.is_sure}
        side = np.sqrt((frame.boxes[:, 2:] - frame.boxes[:, :2]).prod(axis=1))
        large |= set(frame.signs[side >= LARGE].tolist())
        ahead = dict(zip(frame.signs.tolist(), frame.ahead.tolist(), strict=True))
        readable = {sign: ahead[sign] for sign in frame.signs[side >= READABLE].tolist()} | readable
        for sign, id_ in zip(frame.shown.tolist(), ids, strict=True):
            if id_ in sure:
                published.add(sign if sign >= 0 else -id_)
                if sign >= 0 and sure[id_].class_id == posts[sign % len(posts)].class_id:
                    right.setdefault(sign, ahead[sign])
                else:
                    wrong.add((sign, id_))
        identities.append(ids)
    tally.large += len(large)
    tally.confirmed += len(large & right.keys())
    tally.before += right.values()
    tally.after += [readable[sign] - metres for sign, metres in right.items() if sign in readable]
    tally.published += len(published)
    tally.wrong += len(wrong)
    return identities


def _peer(name: str, frames: Sequence[BoxFrame], rate: float) -> Identities:
    """Return the identities that another tracker gives, told the rate and the times, and without its trial period.

    A detection that it leaves without an identity gets one of its own, so that it loses none for being cautious.
    """
    import supervision
    from trackers import ByteTrackTracker, OCSORTTracker, SORTTracker

    kind = dict(zip(PEERS, (SORTTracker, OCSORTTracker, ByteTrackTracker), strict=True))[name]
    tracker = kind(frame_rate=rate, minimum_consecutive_frames=1)
    identities, alone = [], ALONE
    for frame in frames:
        boxes = frame.detections.xyxy.astype(np.float64)
        given = supervision.Detections(
            xyxy=boxes, confidence=frame.detections.score.astype(np.float64), data={"row": np.arange(len(boxes))}
        )
        found = tracker.update(given, timestamp=frame.time)
        ids = [-1] * len(boxes)
        for row, id_ in zip(found.data.get("row", ()), found.tracker_id if len(found) else (), strict=True):
            ids[int(row)] = int(id_)
        for row in (row for row, id_ in enumerate(ids) if id_ < 0):
            ids[row] = alone = alone + 1
        identities.append(ids)
    return identities


def _count(frames: Sequence[BoxFrame], identities: Identities, tally: Tally) -> None:
    """Count tracks and changes of track of each sign."""
    of_sign: dict[int, list[int]] = defaultdict(list)
    for frame, ids in zip(frames, identities, strict=True):
        for sign, id_ in zip(frame.shown.tolist(), ids, strict=True):
            if sign >= 0 and id_ >= 0:
                of_sign[sign].append(id_)
    tally.signs += len(of_sign)
    tally.tracks += sum(len(set(ids)) for ids in of_sign.values())
    tally.switches += sum(int(np.count_nonzero(np.diff(ids))) for ids in of_sign.values())


class Scorer:
    """HOTA and IDF1 by TrackEval, on the detectors' own boxes, the same for every tracker."""

    def __init__(self, metrics: Any) -> None:
        self._hota = metrics.HOTA()
        self._identity = metrics.Identity({"PRINT_CONFIG": False})

    def sequence(self, frames: Sequence[BoxFrame], identities: Identities) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return both metrics' numbers of one drive."""
        true = _compact([frame.signs for frame in frames])
        kept = [np.array(ids) >= 0 for ids in identities]
        said = _compact([np.array(ids, np.int64)[keep] for ids, keep in zip(identities, kept, strict=True)])
        similarity = [
            overlaps(frame.boxes, frame.detections.xyxy[keep])[0] for frame, keep in zip(frames, kept, strict=True)
        ]
        data = {
            "num_timesteps": len(frames),
            "num_gt_ids": 1 + max((int(ids.max()) for ids in true if len(ids)), default=-1),
            "num_tracker_ids": 1 + max((int(ids.max()) for ids in said if len(ids)), default=-1),
            "num_gt_dets": sum(map(len, true)),
            "num_tracker_dets": sum(map(len, said)),
            "gt_ids": true,
            "tracker_ids": said,
            "similarity_scores": similarity,
        }
        return self._hota.eval_sequence(data), self._identity.eval_sequence(data)

    def summary(self, tally: Tally) -> dict[str, Any]:
        """Return all numbers of one tracker at one rate."""
        numbered = dict(enumerate(tally.sequences))
        hota = self._hota.combine_sequences({number: one for number, (one, _) in numbered.items()})
        identity = self._identity.combine_sequences({number: one for number, (_, one) in numbered.items()})
        found: dict[str, Any] = {
            "hota": float(np.mean(hota["HOTA"])),
            "association": float(np.mean(hota["AssA"])),
            "idf1": float(identity["IDF1"]),
            "signs": tally.signs,
            "fragments": tally.tracks / max(tally.signs, 1),
            "switches": tally.switches / max(tally.signs, 1),
        }
        if tally.large:
            found |= {
                "signs_over_40_px": tally.large,
                "confirmed_right": tally.confirmed / tally.large,
                "published": tally.published,
                "wrongly_confirmed": tally.wrong / max(tally.published, 1),
                "wrong": tally.wrong,
                "metres_before_p10_p50": _percentiles(tally.before, (10, 50)),
                "metres_after_20_px_p50_p90": _percentiles(tally.after, (50, 90)),
            }
        return found


def open_scorer() -> Scorer:
    """Return what tells how whole tracks stay.

    Raises:
        ExtraMissingError: TrackEval, or trackers, which are compared, isn't installed.
    """
    try:
        import trackers  # noqa: F401
        from trackeval import metrics
    except ImportError:
        raise ExtraMissingError("comparing trackers", "bench") from None
    return Scorer(metrics)


def _compact(numbers: Sequence[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """Return numbers from 0 without holes, as TrackEval wants them."""
    known = np.unique(np.concatenate(list(numbers))) if numbers else np.zeros(0, np.int64)
    return [np.searchsorted(known, ids) for ids in numbers]


def _percentiles(values: Sequence[float], at: Sequence[int]) -> list[float] | None:
    return [round(float(np.percentile(values, one)), 1) for one in at] if values else None
