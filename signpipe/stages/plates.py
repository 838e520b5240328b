"""Plates: which sign each supplementary plate stands under, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from signpipe.catalogue import Catalogue, Effect, Shape
from signpipe.catalogue.plates import plate_conditions
from signpipe.types import SHAPES, UNKNOWN_SHAPE, FloatArray, Plate, ShapeArray, SignTrack, TrackState

# A plate hangs under its sign: centred on it, about as wide, and close. In widths or heights of the sign.
OFF_CENTRE = 0.35
NARROWEST, WIDEST = 0.4, 2.0
OVERLAP, GAP = 0.25, 0.6
# How often in a row the two must have been seen so, and how often at most counts.
LINKED_AFTER, MOST_VOTES = 2, 8
# Two plates of one sign are the same if they hang at the same height, in heights of the sign.
SAME_PLACE = 0.3
PLATE_SHAPE = SHAPES.index(Shape.PLATE.value)


@dataclass(slots=True)
class _Memory:
    """What is remembered of a track.

    Attributes:
        shapes: How often it was outlined as a plate, less how often as something else.
        votes: By sign, how often it was seen to hang under it, less how often not.
        plates: What hangs under it, by how far below its lower edge in heights of it.
    """

    shapes: int = 0
    votes: dict[int, int] = field(default_factory=dict)
    plates: list[tuple[float, Plate]] = field(default_factory=list)


class Plates:
    """Put plates on the signs that they stand under.

    A plate belongs to what hangs right above it: a sign, or another plate of a sign. Both must have been seen so for
    several frames, which two things at different distances never are. What a sign's plate said stays with the sign when
    the plate itself is lost.

    Args:
        catalogue: The classes.
        languages: In which plates are written, ISO 639-1; all that there are, if empty.
    """

    def __init__(self, catalogue: Catalogue, languages: Sequence[str] = ()) -> None:
        self._catalogue = catalogue
        self._languages = tuple(languages)
        self._memory: dict[int, _Memory] = {}

    def __call__(self, tracks: Sequence[SignTrack], shapes: ShapeArray | None = None) -> list[SignTrack]:
        """Return the tracks, the signs with their plates.

        Args:
            tracks: All living tracks with their verdicts.
            shapes: uint8 (N,), outline of each of this frame's detections, as in `Detections`; None in a gap.
        """
        self._memory = {track.id: self._memory.get(track.id, _Memory()) for track in tracks}
        for track in tracks:
            if shapes is not None and track.detection is not None:
                seen = int(shapes[track.detection])
                if seen != UNKNOWN_SHAPE:
                    votes = self._memory[track.id].shapes + (1 if seen == PLATE_SHAPE else -1)
                    self._memory[track.id].shapes = max(-MOST_VOTES, min(votes, MOST_VOTES))
        plates = [track for track in tracks if self._is_plate(track)]
        signs = [track for track in tracks if track not in plates]
        for plate in sorted((one for one in plates if _is_seen(one)), key=lambda one: float(one.xyxy[1])):
            self._link(plate, signs, plates)
        return [self._with_plates(track) if track in signs else track for track in tracks]

    def reset(self) -> None:
        """Forget everything."""
        self._memory = {}

    def _is_plate(self, track: SignTrack) -> bool:
        if track.is_sure:
            return self._catalogue[track.class_id].effect is Effect.PLATE
        return self._memory[track.id].shapes > 0

    def _link(self, plate: SignTrack, signs: Iterable[SignTrack], plates: Iterable[SignTrack]) -> None:
        """Count for each sign whether a plate hangs under it, and give it to the one that it belongs to."""
        votes = self._memory[plate.id].votes
        above = [sign for sign in signs if _is_seen(sign) and self._hangs_under(plate, sign, plates)]
        nearest = max(above, key=lambda sign: float(sign.xyxy[3]), default=None)
        for sign in signs:
            if _is_seen(sign):
                vote = 1 if sign is nearest else -1
                votes[sign.id] = max(0, min(votes.get(sign.id, 0) + vote, MOST_VOTES))
        if nearest is not None and votes[nearest.id] >= min(LINKED_AFTER, plate.hits):
            self._hang(plate, nearest)

    def _hangs_under(self, plate: SignTrack, sign: SignTrack, plates: Iterable[SignTrack]) -> bool:
        """Return True if a plate hangs under a sign, or under a plate that does."""
        if _is_under(plate.xyxy, sign.xyxy, sign.xyxy):
            return True
        between = [one for one in plates if one is not plate and _is_seen(one)]
        return any(
            _is_under(one.xyxy, sign.xyxy, sign.xyxy) and _is_under(plate.xyxy, one.xyxy, sign.xyxy) for one in between
        )

    def _hang(self, track: SignTrack, sign: SignTrack) -> None:
        """Keep what a plate says with its sign; what was read stays, where it can't be read any more."""
        place = float((track.xyxy[1] - sign.xyxy[3]) / max(float(sign.xyxy[3] - sign.xyxy[1]), 1.0))
        plate = self._read(track)
        kept = []
        for at, one in self._memory[sign.id].plates:
            if one.track_id != track.id and abs(at - place) > SAME_PLACE:
                kept.append((at, one))
            elif one.is_read and not plate.is_read:
                plate = replace(one, track_id=track.id, xyxy=track.xyxy)
        self._memory[sign.id].plates = sorted([*kept, (place, plate)], key=lambda item: item[0])
        for track_id, other in self._memory.items():
            if track_id != sign.id:
                other.plates = [(at, one) for at, one in other.plates if one.track_id != track.id]

    def _read(self, track: SignTrack) -> Plate:
        """Return what is on a plate."""
        kind = self._catalogue[track.class_id].name if track.is_sure else None
        figures, text = track.figures, None
        if figures is not None and figures.is_sure and figures.text.strip("?"):
            text = figures.text
        probability = track.confidence if kind is not None else 1.0
        probability *= figures.probability if figures is not None and text is not None else 1.0
        plate = Plate(track.id, track.xyxy, plate_conditions(kind, text, self._languages), probability, kind, text)
        return plate if plate.is_read else replace(plate, probability=0.0)

    def _with_plates(self, track: SignTrack) -> SignTrack:
        plates = tuple(plate for _, plate in self._memory[track.id].plates)
        return replace(track, plates=plates) if plates else track


def _is_seen(track: SignTrack) -> bool:
    return track.state is not TrackState.COASTING


def _is_under(plate: FloatArray, above: FloatArray, sign: FloatArray) -> bool:
    """Return True if a plate's box hangs close under another, in measures of the sign at the top."""
    width, height = float(sign[2] - sign[0]), float(sign[3] - sign[1])
    centred = abs(float(plate[0] + plate[2] - sign[0] - sign[2])) / 2 <= OFF_CENTRE * width
    fitting = NARROWEST * width <= float(plate[2] - plate[0]) <= WIDEST * width
    gap = float(plate[1] - above[3])
    return centred and fitting and -OVERLAP * height <= gap <= GAP * height
