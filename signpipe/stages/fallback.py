"""Fallback: the ladder of how far the meaning of a sign may be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from signpipe.catalogue import Catalogue, Category
from signpipe.settings import FallbackSettings
from signpipe.stages.fusion import fuse, is_more_cautious, supporters
from signpipe.types import FloatArray, Frame, Opinion, SignTrack, TrackState, Verdict
from signpipe.witnesses.base import Learner, Witness

# Sources that know what should be there without looking: they decide between classes that fit what is seen, no more.
PRIORS = frozenset({"map"})
# Sources that have a say in the category, not in the class.
CATEGORY_ONLY = frozenset({"shape"})
# Sources that look at the sign as vision does: what they settle is confirmed, what others settle is corroborated.
LOOKING = frozenset({"vision", "template", "shape"})
# A witness must say so many times in a row that something is no real sign: one sweep through a fence is no proof.
DENIALS = 2


@dataclass(slots=True)
class _Memory:
    """What the ladder remembers of a track.

    Attributes:
        held: The class that was published last, while it still is.
        category: The category that was published last, while it still is.
        heard: The latest opinion of each witness.
        denied: How often in a row each witness has said that this is no real sign.
        asked_side: Side of the sign in pixels when the dear witnesses were asked last; 0 if they never were.
        asked_turn: Call of the ladder at which that was.
        taught: Whether this sign has told the priors already how right they are.
    """

    held: int | None = None
    category: Category | None = None
    heard: dict[str, Opinion] = field(default_factory=dict)
    denied: Counter[str] = field(default_factory=Counter)
    asked_side: float = 0.0
    asked_turn: int = -1
    taught: bool = False


class Fallback:
    """Give every track its verdict: its class if all sources together are sure of it, else its category, else nothing.

    Vision speaks first, then whoever else was asked; what they say adds up in log-odds (`fuse`). Witnesses that cost
    next to nothing (a map, LiDAR) are asked about every sign in view, those that cost milliseconds (matching drawings)
    only about signs that vision isn't sure of, at most `per_frame` a frame, those that have waited longest first; they
    are asked again once a sign has grown. A guess is never published:

    - A class needs `accept` by vision alone, or `joint` where other sources have to help or a map holds against it, and
      a sign that is familiar; once published it stays until it falls by as much as `release` is under `accept` (or
      novelty rises by that over its bound), so that a verdict doesn't flicker.
    - Outline and colour tell the category only: of the class the network knows more.
    - A map is never a verdict alone: it decides between classes of which something is seen. Where it
      contradicts what the sensors are sure of, the more cautious stands: the sensors' reading, if it asks more of the
      driver than the map's; else nothing, until they are sure in spite of the map. Either way the conflict is reported.
    - What a witness knows to be no real sign (a picture on a truck) is never published, not even its category.
    - Else the category is said, if the classes of one category together reach `category`. An unfamiliar sign can still
      have a sure category, as shape and colour tell it; something that looks like no sign at all gathers no evidence
      (looks count less by their novelty) and stays unknown.

    Args:
        settings: The bounds of the ladder.
        catalogue: The classes and their categories.
        witnesses: The sources besides vision; the default is vision alone.
        weights: Weight of each source's log-odds by its name; 1 for one that isn't named.
    """

    def __init__(
        self,
        settings: FallbackSettings,
        catalogue: Catalogue,
        witnesses: Sequence[Witness] = (),
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._settings = settings
        self._joint = max(settings.joint, settings.accept)  # help never makes it easier than seeing for oneself
        self._slack = settings.accept - settings.release  # by so much less what is published already may be sure
        self._catalogue = catalogue
        self._cheap = tuple(witness for witness in witnesses if not witness.dear)
        self._dear = tuple(witness for witness in witnesses if witness.dear)
        self._learners = tuple(witness for witness in witnesses if isinstance(witness, Learner))
        self._weights = dict(weights or {})
        self._categories = tuple(Category)
        self._members = np.array([[sign.category is category for sign in catalogue] for category in self._categories])
        self._memory: dict[int, _Memory] = {}
        self._turn = 0

    def __call__(self, tracks: list[SignTrack], frame: Frame | None = None) -> None:
        """Set verdict, reason, source, class, probability and category of all living tracks, in place.

        Args:
            tracks: Every living track; what is remembered of others is dropped.
            frame: The picture that they are seen in; None in a gap, when nobody has anything to go by.
        """
        self._turn += 1
        self._memory = {track.id: self._memory.get(track.id) or _Memory() for track in tracks}
        if frame is not None and (self._cheap or self._dear):
            self._ask([track for track in tracks if track.state is not TrackState.COASTING], frame)
        for track in tracks:
            if track.state is TrackState.TENTATIVE:
                track.verdict, track.category = Verdict.UNKNOWN, None
                track.verdict_reason = f"seen for {track.age:.2f} s only"
            else:
                self._judge(track, self._memory[track.id])

    def _ask(self, seen: list[SignTrack], frame: Frame) -> None:
        """Hear the witnesses: the cheap ones on all signs in view, the dear ones on the few that need it most."""
        for track in seen:
            self._hear(self._cheap, track, frame)
        if not self._dear:
            return
        needy = [track for track in seen if track.state is TrackState.CONFIRMED and self._is_needy(track)]
        needy.sort(key=lambda track: (self._memory[track.id].asked_turn, -track.side))
        for track in needy[: self._settings.per_frame]:
            memory = self._memory[track.id]
            memory.asked_side, memory.asked_turn = track.side, self._turn
            self._hear(self._dear, track, frame)

    def _hear(self, witnesses: tuple[Witness, ...], track: SignTrack, frame: Frame) -> None:
        memory = self._memory[track.id]
        for witness in witnesses:
            opinion = witness(track, frame)
            if opinion is not None:
                memory.heard[witness.name] = opinion
                memory.denied[witness.name] = memory.denied[witness.name] + 1 if opinion.impossible else 0

    def _is_needy(self, track: SignTrack) -> bool:
        """Return True if vision isn't sure of a sign, and it can be seen better than when it was asked about last."""
        unsure = track.confidence < self._settings.ask_below or track.novelty > self._settings.novelty
        return unsure and track.side > self._memory[track.id].asked_side * self._settings.again

    def _judge(self, track: SignTrack, memory: _Memory) -> None:
        heard = tuple(memory.heard.values())
        vision = Opinion("vision", track.evidence, self._vision_says(track), track.class_id)
        track.opinions = (vision, *heard)
        needed = min(DENIALS, track.hits)
        ruled_out = next((opinion for opinion in heard if memory.denied[opinion.source] >= needed), None)
        if ruled_out is not None:
            memory.held = memory.category = None
            track.verdict, track.category, track.source = Verdict.UNKNOWN, None, ruled_out.source
            track.verdict_reason = f"{ruled_out.source}: no real sign, {ruled_out.text}"
            return
        class_id, sources = self._find(track, memory, heard)
        track.conflict = self._conflict(class_id, track, heard)
        memory.held = class_id
        if class_id is not None:
            track.verdict = Verdict.CONFIRMED if LOOKING.issuperset(sources) else Verdict.CORROBORATED
            track.class_id, track.category, track.source = class_id, None, "+".join(sources)
            track.verdict_reason = _reasons(track.opinions)
            memory.category = None
        else:
            self._fall_back(track, memory)

    def _find(self, track: SignTrack, memory: _Memory, heard: tuple[Opinion, ...]) -> tuple[int | None, list[str]]:
        """Return the class that may be published, or None, and whom it rests on; fuse the track's probability."""
        accept, evidence = self._settings.accept, track.evidence
        alone = self._is_sure(track, memory, track.probability, track.class_id, accept)
        held = track.class_id if alone else None
        looked = tuple(opinion for opinion in heard if opinion.source not in PRIORS | CATEGORY_ONLY)
        priors = tuple(opinion for opinion in heard if opinion.source in PRIORS)
        if not looked and not priors:
            return held, ["vision"]
        familiar = any(opinion.familiar for opinion in looked)
        sensed = fuse(evidence, looked, self._weights)
        seen = int(sensed.argmax()) if looked else track.class_id
        contested = self._is_restrained(seen, priors)
        level = accept if seen == held and not contested else self._joint
        sure = self._is_sure(track, memory, sensed, seen, level, familiar)
        if sure:
            self._teach(memory, heard, seen)
        track.probability = sensed
        if priors:
            fused = fuse(evidence, (*looked, *priors), self._weights)
            best = int(fused.argmax())
            backed = best == seen if sure else self._fits(sensed, best)
            needed = level if best == seen else self._joint
            if backed and self._is_sure(track, memory, fused, best, needed, familiar):
                track.probability = fused
                return best, self._sources(best, held, looked if sure else (*looked, *priors))
            if contested:
                return None, []
        return (seen, self._sources(seen, held, looked)) if sure else (None, [])

    def _is_sure(
        self,
        track: SignTrack,
        memory: _Memory,
        probability: FloatArray,
        class_id: int,
        level: float,
        familiar: bool = False,
    ) -> bool:
        """Return True if a class is probable and the sign familiar enough; what is held already needs less of both."""
        slack = self._slack if memory.held == class_id else 0.0
        known = familiar or track.novelty <= self._settings.novelty + slack
        return known and float(probability[class_id]) >= level - slack

    def _fits(self, sensed: FloatArray, class_id: int) -> bool:
        """Return True if a map may choose a class: something is seen of it, and its category is sure by sight."""
        members = self._members[:, class_id] @ self._members
        seen = float(sensed[class_id]) >= self._settings.support
        return seen and float(sensed @ members) >= self._settings.category

    def _is_restrained(self, class_id: int, priors: tuple[Opinion, ...]) -> bool:
        """Return True if a map names another class, and what the sensors see isn't the more cautious one."""
        return any(
            opinion.class_id != class_id
            and not is_more_cautious(self._catalogue[class_id], self._catalogue[opinion.class_id])
            for opinion in priors
            if opinion.class_id is not None
        )

    def _sources(self, class_id: int, held: int | None, heard: tuple[Opinion, ...]) -> list[str]:
        """Return whom a class rests on: vision, and others where vision alone wasn't sure of it."""
        return ["vision"] if class_id == held else ["vision", *supporters(class_id, heard, self._weights)]

    def _teach(self, memory: _Memory, heard: tuple[Opinion, ...], class_id: int) -> None:
        """Tell the priors, once a sign, whether they were right about one that the sensors are sure of."""
        if memory.taught:
            return
        for witness in self._learners:
            named = next((opinion.class_id for opinion in heard if opinion.source == witness.name), None)
            if named is not None:
                witness.learn(named == class_id)
                memory.taught = True

    def _conflict(self, published: int | None, track: SignTrack, heard: tuple[Opinion, ...]) -> str | None:
        """Say who contradicts what is published, or holds it back."""
        for opinion in heard:
            if opinion.class_id is None or opinion.source not in PRIORS:
                continue
            named = self._catalogue[opinion.class_id].title.lower()
            if published is not None and opinion.class_id != published:
                return f"the {opinion.source} says {named}, overruled"
            seen = int(track.probability.argmax())
            if published is None and opinion.class_id != seen and track.probability[seen] >= self._settings.accept:
                return f"{self._catalogue[seen].title.lower()} is held back: the {opinion.source} says {named}"
        return None

    def _fall_back(self, track: SignTrack, memory: _Memory) -> None:
        """Say no more than the category, if even that is sure."""
        looked = [opinion for opinion in track.opinions[1:] if opinion.source not in PRIORS]
        shares = self._members @ fuse(track.evidence, looked, self._weights)
        best = int(shares.argmax())
        category, share = self._categories[best], float(shares[best])
        doubt = _reasons(track.opinions)
        if share >= self._settings.category - self._slack * (memory.category is category):
            memory.category = category
            track.verdict, track.category = Verdict.UNCERTAIN, category.value
            track.verdict_reason = f"{doubt}; {category.value} at {share:.2f}"
        else:
            memory.category = None
            track.verdict, track.category = Verdict.UNKNOWN, None
            track.verdict_reason = f"{doubt}; no category over {share:.2f}"

    def _vision_says(self, track: SignTrack) -> str:
        """Say what vision alone makes of a sign."""
        if track.novelty > self._settings.novelty:
            return f"unlike any sign of the catalogue (novelty {track.novelty:.2f} over {_looks(track)})"
        if track.confidence >= self._settings.accept:
            return f"{self._catalogue[track.class_id].name} at {track.confidence:.2f} over {_looks(track)}"
        first, second = np.argsort(-track.probability, kind="stable")[:2]
        names = [f"{self._catalogue[int(id_)].name} at {track.probability[id_]:.2f}" for id_ in (first, second)]
        return f"{' or '.join(names)} over {_looks(track)}"


def _reasons(opinions: tuple[Opinion, ...]) -> str:
    """Return who said what."""
    return "; ".join(f"{opinion.source}: {opinion.text}" for opinion in opinions)


def _looks(track: SignTrack) -> str:
    return "one look" if track.hits == 1 else f"{track.hits} looks"
