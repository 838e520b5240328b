"""The words of the messages, each with the number that it has in signpipe.dbc; 0 is "not available" in all of them."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """How signpipe is."""

    NOT_AVAILABLE = 0
    OFF = 1  # ended in order
    OK = 2
    DEGRADED = 3  # pictures come too slowly to follow every sign
    BLIND = 4  # no pictures; what was seen before ages
    FAULT = 5  # perception gives nothing any more


class Reason(IntEnum):
    """Why it is so."""

    NOT_AVAILABLE = 0
    NONE = 1
    NO_PICTURE = 2
    NO_RESULT = 3
    FEW_PICTURES = 4
    STARTING = 5
    ENDED = 6


class LimitKind(IntEnum):
    """What is known of a speed limit."""

    NOT_AVAILABLE = 0
    UNKNOWN = 1  # of the limit in force: no limit is known; of the next one: none is seen
    LIMIT = 2
    GENERAL = 3  # the country's general limit holds, whose value isn't known
    NO_LIMIT = 4  # the country's rules say that there is none on this road


class Unit(IntEnum):
    """Unit of a speed."""

    NOT_AVAILABLE = 0
    KILOMETRES = 1
    MILES = 2


class LimitSource(IntEnum):
    """What a limit rests on."""

    NOT_AVAILABLE = 0
    VISION = 1
    MAP = 2
    VISION_AND_MAP = 3
    RULE = 4
    OTHER = 5


class Validity(IntEnum):
    """Whether what is said may be relied on."""

    NOT_AVAILABLE = 0
    ACTIVE = 1
    STALE = 2


class Condition(IntEnum):
    """What a plate under the sign restricts the limit to."""

    NOT_AVAILABLE = 0  # it isn't known whether there is one
    UNCONDITIONAL = 1
    WET = 2
    SNOW = 3
    FOG = 4
    TIME = 5
    VEHICLES = 6
    LANE = 7
    DISTANCE = 8
    OTHER = 14
    UNREAD = 15


class Overtaking(IntEnum):
    """What is known of an overtaking ban."""

    NOT_AVAILABLE = 0
    NONE_SEEN = 1
    ENDED = 2
    BANNED = 3
    BANNED_FOR_GOODS = 4
    STALE = 5


class Sight(IntEnum):
    """Whether a sign of one kind lies ahead, or holds."""

    NOT_AVAILABLE = 0
    NONE_SEEN = 1
    AHEAD = 2
    STALE = 3


class Entry(IntEnum):
    """Whether the road ahead may be entered."""

    NOT_AVAILABLE = 0
    NONE_SEEN = 1
    NO_ENTRY = 2
    NO_VEHICLES = 3
    NO_GOODS_VEHICLES = 4
    OTHER_BAN = 5
    STALE = 6


class Danger(IntEnum):
    """What a danger sign warns of."""

    NOT_AVAILABLE = 0
    NONE_SEEN = 1
    GENERAL = 2
    BEND = 3
    DOUBLE_BEND = 4
    BUMPS = 5
    SLIPPERY = 6
    ROAD_NARROWS = 7
    ROAD_WORKS = 8
    SIGNALS = 9
    PEDESTRIANS = 10
    CHILDREN = 11
    CYCLISTS = 12
    SNOW_OR_ICE = 13
    ANIMALS = 14
    CROSSING = 15
    TUNNEL = 16
    LEVEL_CROSSING = 17
    SEVERAL = 30
    OTHER = 31


class Unread(IntEnum):
    """Category of a sign that could not be read."""

    NOT_AVAILABLE = 0
    NONE_SEEN = 1
    PROHIBITORY = 2
    DANGER = 3
    MANDATORY = 4
    PRIORITY = 5
    END_OF = 6
    INFORMATION = 7
