"""What a sign tells the driver: topic, wording, value, and for how long it may be relied on."""

from __future__ import annotations

from dataclasses import dataclass

from signpipe.catalogue import Category, Effect, SignClass
from signpipe.settings import DecideSettings

SPEED_LIMIT = "speed_limit"
OVERTAKING = {"all": "overtaking", "goods": "overtaking:goods"}
GENERAL_LIMIT = "the general limit applies, which signpipe doesn't know"


@dataclass(frozen=True, slots=True)
class Validity:
    """How an advisory ages.

    Attributes:
        seconds: Until it goes stale, or None if it doesn't age.
        metres: Until it goes stale, or None if distance doesn't matter.
        kept: Seconds for which it is still shown as stale.
    """

    seconds: float | None = None
    metres: float | None = None
    kept: float = 0.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sign says.

    Attributes:
        topic: The advisory's topic.
        message: For the driver, such as "stop ahead".
        value: Machine-readable value; None for the end of a restriction.
        label: Short name of the sign for remarks, such as "end of limit 80".
        validity: How the advisory ages.
        lifts: Topics on which the sign can take back a restriction.
    """

    topic: str
    message: str
    value: float | str | None
    label: str
    validity: Validity
    lifts: tuple[str, ...] = ()


LIMIT_UNKNOWN = Meaning(SPEED_LIMIT, "limit unknown", None, "nothing", Validity())


class Dictionary:
    """Translate classes and categories into meanings.

    Args:
        settings: How long each kind of advisory stays valid.
    """

    def __init__(self, settings: DecideSettings) -> None:
        kept = settings.stale_kept
        self._limit = Validity(settings.limit_expiry, settings.limit_expiry_metres, kept)
        self._ended = Validity(settings.limit_expiry, settings.limit_expiry_metres)
        self._ban = Validity(settings.ban_expiry, None, kept)
        # What lay just ahead has been passed soon: its warning is shown as stale for as long as it was valid.
        ahead = Validity(settings.ahead_expiry, settings.ahead_expiry_metres, settings.ahead_expiry)
        self._uncertain = Validity(settings.uncertain_expiry, None, settings.uncertain_expiry)
        # Topic, message and validity of what a sign says with its title alone.
        self._plain = {
            Effect.PRIORITY_ROAD: ("priority", "{title}", Validity(settings.priority_expiry, None, kept)),
            Effect.PRIORITY_NEXT: ("priority:next", "{title}", ahead),
            Effect.STOP: ("stop", "{title} ahead", ahead),
            Effect.GIVE_WAY: ("give_way", "{title} ahead", ahead),
            Effect.DANGER: ("danger:{value}", "{title} ahead", ahead),
            Effect.DIRECTION: ("direction:{value}", "{title}", ahead),
            Effect.ACCESS_BAN: ("access:{value}", "{title}", ahead),
            Effect.INFORMATION: ("information:{value}", "{title}", ahead),
        }
        for effect in Effect:
            self._plain.setdefault(effect, (f"{effect}:{{value}}", "{title}", ahead))

    def of_sign(self, sign: SignClass) -> Meaning:
        """Return what a sign of this class says."""
        title, value = sign.title.lower(), sign.name if sign.value is None else sign.value
        ban = OVERTAKING[sign.vehicles]
        match sign.effect:
            case Effect.LIMIT:
                limit = f"limit {value:g}"
                return Meaning(SPEED_LIMIT, limit, value, limit, self._limit, (SPEED_LIMIT,))
            case Effect.END_LIMIT:
                message = f"limit {value:g} ended; {GENERAL_LIMIT}"
                return Meaning(SPEED_LIMIT, message, None, f"end of limit {value:g}", self._ended, (SPEED_LIMIT,))
            case Effect.END_ALL:
                message, lifts = f"all limits ended; {GENERAL_LIMIT}", (SPEED_LIMIT, *OVERTAKING.values())
                return Meaning(SPEED_LIMIT, message, None, title, self._ended, lifts)
            case Effect.OVERTAKING_BAN:
                return Meaning(ban, title, value, title, self._ban)
            case Effect.END_OVERTAKING_BAN:
                return Meaning(ban, title, None, title, self._ban, (ban,))
        topic, message, validity = self._plain[sign.effect]
        return Meaning(topic.format(value=value), message.format(title=title), value, title, validity)

    def of_category(self, category: Category) -> Meaning:
        """Return what is said of a sign whose category alone is sure."""
        word = "end-of-restriction" if category is Category.END_OF else category.value
        message = f"unknown {word} sign"
        return Meaning(f"unknown:{category.value}", message, category.value, message, self._uncertain)
