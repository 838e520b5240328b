"""Which of two signs asks more of the driver."""

from __future__ import annotations

from signpipe.catalogue import Effect, SignClass

# Of two readings on the same matter, the one that is higher here is the more cautious.
RIGHT_OF_WAY = {Effect.STOP: 3, Effect.GIVE_WAY: 2, Effect.PRIORITY_ROAD: 1, Effect.PRIORITY_NEXT: 1}
OVERTAKING = {Effect.OVERTAKING_BAN: 1, Effect.END_OVERTAKING_BAN: 0}


def is_more_cautious(one: SignClass, other: SignClass) -> bool:
    """Return True if two signs speak of the same matter and the first asks more of the driver.

    A lower limit is more cautious than a higher one, and any limit than the end of one; to stop is more than to give
    way, and that is more than to go first; a ban on overtaking is more than its end.
    """
    if one.limit is not None and other.limit is not None:
        return one.limit < other.limit
    return any(
        one.effect in scale and other.effect in scale and scale[one.effect] > scale[other.effect]
        for scale in (RIGHT_OF_WAY, OVERTAKING)
    )
