"""Fallback: how far the meaning of a sign may be believed, and whose word that takes where vision alone isn't sure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from signpipe.catalogue import Catalogue, Category, Effect
from signpipe.errors import SettingsError
from signpipe.log_odds import fuse, softmax
from signpipe.opinion import VISION, Learner, Opinion, Role, Witness
from signpipe.settings import FallbackSettings
from signpipe.stages.caution import is_more_cautious
from signpipe.stages.evidence import WORTHLESS, log_likelihood
from signpipe.stages.heard import Heard, agree, fused, of_roles, opposed, reasons, supporters
from signpipe.types import Certainty, FloatArray, Frame, SignTrack, TrackState, Verdict

# A witness must say so many times in a row that something is no real sign: one sweep through a fence is no proof.
DENIALS = 2
# Pixels of a side from which figures that aren't surely read don't keep a limit from being published.
NEAR = 28.0
# Chance that all looks at a sign err as one, by what hides it, where less than `WHOLE` of it can be seen. Of 243 of
# GTSRB's validation tracks behind twelve occluders, what is fused and the mean look, mixed so, tell best at each share
# that can be seen how often a class is right; what is fused alone is surer than that.
SHARED, WHOLE = 0.2, 0.9
# Up to this novelty a map that names a partly hidden sign tells that it is one of the catalogue's. Of signs outside it,
# half hidden, 85 in 100 look stranger.
VOUCHED = 0.8


@dataclass(slots=True)
class _Memory:
    """What the fallback remembers of a track.

    Attributes:
        held: The class that was published last, while it still is.
        category: The category that was published last, while it still is.
        heard: What each witness said last, by its name.
        asked_side: Side of the sign in pixels when the expensive witnesses were asked last; 0 if they never were.
        asked_turn: Call of the fallback at which that was.
        taught: Whether those who learn were told already how right they are about this sign.
    """

    held: int | None = None
    category: Category | None = None
    heard: dict[str, Heard] = field(default_factory=dict)
    asked_side: float = 0.0
    asked_turn: int = -1
    taught: bool = False


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found of the class.

    Attributes:
        class_id: The class that may be published, or None.
        probability: float32 (C,), fused over all who were heard.
        supporters: Besides vision, who a class rests on that vision alone wasn't sure of.
    """

    class_id: int | None
    probability: FloatArray
    supporters: tuple[Heard, ...] = ()


class Fallback:
    """Give every track its verdict: its class if all together are sure of it, else its category, else nothing.

    Vision speaks first, then whoever else was asked; what they say adds up in log-odds (`fuse`). Witnesses that cost
    next to nothing (a map, LiDAR) are asked about every sign in view, those that cost milliseconds (matching drawings)
    only about signs that vision isn't sure of, at most `per_frame` per frame, those that have waited longest first;
    they are asked again once a sign has grown. A guess is never published:

    - A class needs `accept` by vision alone, or where vision is sure of it by `release`, another speaks for it and
      nobody against it; `accept_fused` where witnesses have to decide or a prior holds against it; and a sign that is
      familiar. One that is partly hidden needs `accept_hidden`, unless a prior speaks for it. What vision alone is sure
      of stays so, if no sensor speaks against it. Once published it stays until it falls by as much as `release` is
      under `accept` (or novelty rises by that over its bound), so that a verdict doesn't flicker.
    - Who has a say in the category only has none in the class: of that the network knows more.
    - A prior is never a verdict alone: it decides between classes of which something is seen. Where it
      contradicts what the sensors are sure of, the more cautious stands: the sensors' reading, if it asks more of the
      driver than the prior's; else nothing, until they are sure in spite of it. Either way the conflict is reported.
    - What a witness takes for a sign that the catalogue doesn't have (its figures are on none of the classes) isn't
      published as the class that it resembles.
    - Where the figures of a limit are surely read that vision wasn't trained on, its word for the likeliest limit is as
      good for that one: it takes such a sign for the limit that resembles it, and is sure of that. So where there are
      such limits and someone who reads, a limit needs its figures surely read, or `NEAR` pixels.
    - What a witness knows to be no real sign (a picture on a truck) is never published, not even its category.
    - Else the category is said, if the classes of one category together reach `category`. An unfamiliar sign can still
      have a sure category, as shape and colour tell it; something that looks like no sign at all gathers no evidence
      (observations count less by their novelty) and stays unknown.

    Args:
        settings: The bounds.
        catalogue: The classes and their categories.
        witnesses: Who is asked besides vision; the default is vision alone.
        learned: How many classes, the first of the catalogue, vision was trained on; all, if None.
        worthless: Chance that one look says nothing, as the tracks take it (`track.worthless`).

    Raises:
        SettingsError: Two witnesses share a name, or a weight is no share of 1.
    """

    def __init__(
        self,
        settings: FallbackSettings,
        catalogue: Catalogue,
        witnesses: Sequence[Witness] = (),
        learned: int | None = None,
        worthless: float = WORTHLESS,
    ) -> None:
        _check(witnesses)
        learned = len(catalogue) if learned is None else learned
        limits = [sign for sign in catalogue if sign.effect is Effect.LIMIT and sign.present]
        self._limits = [sign.id for sign in limits if sign.id < learned]
        self._others = {sign.figures: sign.id for sign in limits if sign.id >= learned and self._limits}
        self._reads = bool(self._others) and any(getattr(witness, "reads", False) for witness in witnesses)
        self._settings = settings
        self._accept_fused = max(settings.accept_fused, settings.accept)  # help never makes it easier than sight alone
        self._slack = settings.accept - settings.release  # by so much less what is published already may be sure
        self._catalogue = catalogue
        self._worthless = worthless
        self._cheap = tuple(witness for witness in witnesses if not witness.expensive)
        self._expensive = tuple(witness for witness in witnesses if witness.expensive)
        self._categories = tuple(Category)
        self._members = np.array([[sign.category is category for sign in catalogue] for category in self._categories])
        self._memory: dict[int, _Memory] = {}
        self._turn = 0

    @property
    def model_ms(self) -> float:
        """Milliseconds that the networks of witnesses have taken in the frame that they were shown last."""
        return sum(getattr(witness, "model_ms", 0.0) for witness in (*self._cheap, *self._expensive))

    def __call__(self, tracks: Sequence[SignTrack], frame: Frame | None = None) -> list[Verdict]:
        """Return the verdict on each living track, in their order; `SignTrack.judged` puts it on the track.

        Args:
            tracks: Every living track; what is remembered of others is dropped.
            frame: The picture that they are seen in, as the classifier was shown it; None in a gap, when nobody has
                anything to go by.

        Raises:
            SettingsError: A witness gives an opinion that isn't one number per class.
        """
        self._turn += 1
        self._memory = {track.id: self._memory.get(track.id) or _Memory() for track in tracks}
        if frame is not None and (self._cheap or self._expensive):
            self._ask([track for track in tracks if track.state is not TrackState.COASTING], frame)
        return [self._judge(track, self._memory[track.id]) for track in tracks]

    def _ask(self, seen: list[SignTrack], frame: Frame) -> None:
        """Hear the witnesses: the cheap ones on all signs in view, the expensive ones on the few that need it most."""
        for track in seen:
            self._hear(self._cheap, track, frame)
        if not self._expensive:
            return
        needy = [track for track in seen if track.state is TrackState.CONFIRMED and self._is_needy(track)]
        needy.sort(key=lambda track: (self._memory[track.id].asked_turn, -track.side))
        for track in needy[: self._settings.per_frame]:
            memory = self._memory[track.id]
            memory.asked_side, memory.asked_turn = track.side, self._turn
            self._hear(self._expensive, track, frame)

    def _hear(self, witnesses: tuple[Witness, ...], track: SignTrack, frame: Frame) -> None:
        heard = self._memory[track.id].heard
        shown = track if track.detected is None else replace(track, xyxy=track.detected)
        for witness in witnesses:
            opinion = witness(shown, frame)
            if opinion is not None:
                self._check(opinion, witness)
                before = heard[witness.name].denials if witness.name in heard else 0
                heard[witness.name] = Heard(witness, opinion, before + 1 if opinion.impossible else 0)

    def _check(self, opinion: Opinion, witness: Witness) -> None:
        log = opinion.log_likelihood
        unusable = np.isnan(log).any() or math.isnan(opinion.unlisted or 0.0)
        if log.shape != (len(self._catalogue),) or not math.isfinite(log.max()) or unusable:
            raise SettingsError(
                f"The witness '{witness.name}' gives log-likelihoods of shape {log.shape} that can't be used; it must "
                f"give {len(self._catalogue)}, one per class, none of them NaN and not all of them infinite."
            )

    def _is_needy(self, track: SignTrack) -> bool:
        """Return True if vision isn't sure of a sign, and it can be seen better than when it was asked about last."""
        unsure = track.confidence < self._settings.ask_below or track.novelty > self._settings.novelty
        return unsure and track.side > self._memory[track.id].asked_side * self._settings.rematch_growth

    def _judge(self, track: SignTrack, memory: _Memory) -> Verdict:
        if track.state is TrackState.TENTATIVE:
            return Verdict(reason=f"seen for {track.age:.2f} s only")
        heard = tuple(memory.heard.values())
        vision = Opinion(VISION, track.evidence, self._vision_says(track), track.class_id)
        opinions = (vision, *(one.opinion for one in heard))
        needed = min(DENIALS, track.hits)
        ruled_out = next((one for one in heard if one.denials >= needed), None)
        if ruled_out is not None:
            memory.held = memory.category = None
            name = ruled_out.witness.name
            reason = f"{name}: no real sign, {ruled_out.opinion.text}"
            return Verdict(reason=reason, witnesses=(name,), opinions=opinions, ruled_out=True)
        found = self._find(track, memory, heard)
        memory.held = found.class_id
        if found.class_id is None:
            verdict = self._judge_category(track, memory, heard)
        else:
            memory.category = None
            by_sight = all(one.witness.role is Role.LOOKS for one in found.supporters)
            verdict = Verdict(
                Certainty.CONFIRMED if by_sight else Certainty.CORROBORATED,
                reasons(opinions),
                witnesses=(VISION, *(one.witness.name for one in found.supporters)),
                class_id=found.class_id,
            )
        conflict = self._conflict(found, heard)
        reason = verdict.reason if found.class_id is not None else f"{reasons(opinions)}; {verdict.reason}"
        return replace(verdict, reason=reason, opinions=opinions, conflict=conflict, probability=found.probability)

    def _find(self, track: SignTrack, memory: _Memory, heard: tuple[Heard, ...]) -> _Finding:
        """Return the class that may be published, and who it rests on."""
        accept = self._settings.accept_for(track.visible)
        fused_level = max(accept, self._accept_fused)
        held = track.class_id if self._is_sure(track, memory.held, track.probability, track.class_id, accept) else None
        sensors = of_roles(heard, Role.LOOKS, Role.MEASURES)
        priors = of_roles(heard, Role.PRIOR)
        if not sensors and not priors:
            early = memory.held != held and self._is_early(track, track.class_id, sensors)
            return _Finding(None if early else held, track.probability)
        evidence = self._evidence(track, sensors)
        untrained = self._untrained(sensors)
        evidence = evidence if untrained is None else self._shared(evidence, untrained)
        # Who looks at the same picture can't tell that what hides a sign makes it look unfamiliar; a prior can.
        strange = 1.0 if any(one.opinion.familiar for one in sensors) else self._settings.novelty
        sensed = fused(evidence, sensors)
        seen = int(sensed.argmax()) if sensors else track.class_id
        contested = self._is_restrained(seen, priors)
        near = seen in (track.class_id, untrained) and track.confidence >= self._settings.release
        agreed = seen == held or (near and agree(seen, evidence, (*sensors, *priors)))
        level = accept if agreed and not contested else fused_level
        unopposed = seen == held and not contested and not opposed(seen, sensors)
        sure = unopposed or self._is_sure(track, memory.held, sensed, seen, level, strange)
        sure = sure and (memory.held == seen or not self._is_early(track, seen, sensors))
        # What is sure only because it is held already was made sure of by others, who are named, and teaches nobody.
        named = held if self._is_sure(track, None, track.probability, track.class_id, accept) else None
        settled = sure and ((unopposed and named == seen) or self._is_sure(track, None, sensed, seen, level, strange))
        if settled:
            self._teach(memory, heard, seen)
        if priors:
            weighed = evidence if sure else _doubted(evidence, track)
            whole = fused(weighed, (*sensors, *priors))
            best = int(whole.argmax())
            backed = best == seen if sure else self._fits(fused(weighed, sensors), best)
            needed = self._accept_fused
            if best == seen:
                needed = level if contested else min(level, needed)
            strange = max(strange, VOUCHED if self._is_vouched(track, best, priors) else 0.0)
            if backed and self._is_sure(track, memory.held, whole, best, needed, strange):
                return _Finding(best, whole, supporters(best, named, sensors if settled else (*sensors, *priors)))
            if contested:
                return _Finding(None, sensed)
        return _Finding(seen, sensed, supporters(seen, named, sensors)) if sure else _Finding(None, sensed)

    def _evidence(self, track: SignTrack, sensors: tuple[Heard, ...]) -> FloatArray:
        """Return vision's log-probabilities; of a sign that is unfamiliar for its typeface alone, those of one look.

        Unfamiliar looks count little, whatever they say; once its figures were read so well, that isn't called for.
        """
        read = any(one.opinion.familiar and one.opinion.figures is not None for one in sensors)
        if not read or track.mean is None or track.novelty <= self._settings.novelty_for(track.visible):
            return track.evidence
        return log_likelihood(track.mean, self._worthless).astype(np.float32)

    def _untrained(self, sensors: tuple[Heard, ...]) -> int | None:
        """Return the limit, of those that vision wasn't trained on, whose figures someone is sure to have read."""
        for one in sensors:
            if one.opinion.figures is not None and one.opinion.figures.is_sure:
                return self._others.get(one.opinion.figures.text)
        return None

    def _shared(self, evidence: FloatArray, limit: int) -> FloatArray:
        """Return vision's log-probabilities with its word for the likeliest limit given for another as well."""
        shared = evidence.copy()
        shared[limit] = max(evidence[limit], evidence[self._limits].max())
        return shared

    def _is_early(self, track: SignTrack, class_id: int, sensors: tuple[Heard, ...]) -> bool:
        """Return True if a limit may still turn out to be one that vision wasn't trained on."""
        if not self._reads or class_id not in self._limits or track.side >= NEAR:
            return False
        figures = self._catalogue[class_id].figures
        read = (one.opinion.figures for one in sensors)
        return not any(one is not None and one.is_sure and one.text == figures for one in read)

    def _is_sure(
        self,
        track: SignTrack,
        held: int | None,
        probability: FloatArray,
        class_id: int,
        level: float,
        strange: float | None = None,
    ) -> bool:
        """Return True if a class is probable and the sign familiar enough; what is held already needs less of both.

        `strange` is the highest novelty, if that isn't the one of the settings.
        """
        slack = self._slack if held == class_id else 0.0
        bound = self._settings.novelty_for(track.visible) if strange is None else strange
        return track.novelty <= bound + slack and float(probability[class_id]) >= level - slack

    def _is_vouched(self, track: SignTrack, class_id: int, priors: tuple[Heard, ...]) -> bool:
        """Return True if a prior names the class of a sign that is partly hidden."""
        return track.visible < self._settings.visible and any(one.opinion.class_id == class_id for one in priors)

    def _fits(self, sensed: FloatArray, class_id: int) -> bool:
        """Return True if a prior may choose a class: something is seen of it, and its category is sure by sight."""
        members = self._members[:, class_id] @ self._members
        seen = float(sensed[class_id]) >= self._settings.support
        return seen and float(sensed @ members) >= self._settings.category

    def _is_restrained(self, class_id: int, priors: tuple[Heard, ...]) -> bool:
        """Return True if a prior names another class, and what the sensors see isn't the more cautious one."""
        return any(
            named != class_id and not is_more_cautious(self._catalogue[class_id], self._catalogue[named])
            for one in priors
            if (named := one.opinion.class_id) is not None
        )

    def _teach(self, memory: _Memory, heard: tuple[Heard, ...], class_id: int) -> None:
        """Tell those who learn, once per sign, whether they were right about one that the sensors are sure of."""
        if memory.taught:
            return
        for one in heard:
            if isinstance(one.witness, Learner) and one.opinion.class_id is not None:
                one.witness.learn(one.opinion.class_id == class_id)
                memory.taught = True

    def _conflict(self, found: _Finding, heard: tuple[Heard, ...]) -> str | None:
        """Say which prior contradicts what is published, or holds it back."""
        seen = int(found.probability.argmax())
        for one in of_roles(heard, Role.PRIOR):
            name, class_id = one.witness.name, one.opinion.class_id
            if class_id is None:
                continue
            named = self._catalogue[class_id].title.lower()
            if found.class_id is not None and class_id != found.class_id:
                return f"the {name} says {named}, overruled"
            if found.class_id is None and class_id != seen and found.probability[seen] >= self._settings.accept:
                return f"{self._catalogue[seen].title.lower()} is held back: the {name} says {named}"
        return None

    def _judge_category(self, track: SignTrack, memory: _Memory, heard: tuple[Heard, ...]) -> Verdict:
        """Say no more than the category, if even that is sure."""
        sensors = of_roles(heard, Role.LOOKS, Role.MEASURES, Role.CATEGORY_ONLY)
        shares = self._members @ fuse(track.evidence, (one.weighted for one in sensors))
        best = int(shares.argmax())
        category, share = self._categories[best], float(shares[best])
        if share >= self._settings.category - self._slack * (memory.category is category):
            memory.category = category
            return Verdict(Certainty.UNCERTAIN, f"{category.value} at {share:.2f}", category.value)
        memory.category = None
        return Verdict(reason=f"no category over {share:.2f}")

    def _vision_says(self, track: SignTrack) -> str:
        """Say what vision alone makes of a sign."""
        seen = "one observation" if track.hits == 1 else f"{track.hits} observations"
        if track.visible < self._settings.visible:
            seen += f" of {100 * track.visible:.0f} % of it"
        if track.novelty > self._settings.novelty_for(track.visible):
            return f"unlike any sign of the catalogue (novelty {track.novelty:.2f} over {seen})"
        if track.confidence >= self._settings.accept_for(track.visible):
            return f"{self._catalogue[track.class_id].name} at {track.confidence:.2f} over {seen}"
        first, second = np.argsort(-track.probability, kind="stable")[:2]
        names = [f"{self._catalogue[int(id_)].name} at {track.probability[id_]:.2f}" for id_ in (first, second)]
        return f"{' or '.join(names)} over {seen}"


def _doubted(evidence: FloatArray, track: SignTrack) -> FloatArray:
    """Return vision's log-probabilities as they are weighed with a prior: looks at a hidden sign may err as one."""
    if track.mean is None or track.visible >= WHOLE:
        return evidence
    shared = (1 - SHARED) * softmax(evidence) + SHARED * track.mean
    return np.log(np.maximum(shared, 1e-9)).astype(np.float32)


def _check(witnesses: Sequence[Witness]) -> None:
    """Refuse witnesses that can't be told apart or weighed."""
    names = [VISION]
    for witness in witnesses:
        if witness.name in names:
            raise SettingsError(f"Two witnesses are called '{witness.name}'; give each a name of its own.")
        if not 0 <= witness.weight <= 1:
            raise SettingsError(f"The weight of the witness '{witness.name}' is {witness.weight}; give 0 to 1.")
        names.append(witness.name)
