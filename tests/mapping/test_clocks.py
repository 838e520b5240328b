"""Pictures and positions of one drive, or of two, by the hours and days that they tell."""

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.mapping.clocks import check_clocks
from signpipe.mapping.recording import FRAME_COLUMNS, Recording

NOON = 1_772_366_400.0  # 1 March 2026, 12:00 UTC
HOUR = 3600.0


def recording(begun: float | None) -> Recording:
    """Return a recording of an hour by its positions."""
    frames = {name: np.zeros(3) for name in FRAME_COLUMNS}
    frames["utc"] = np.full(3, np.nan) if begun is None else np.array([np.nan, begun, begun + HOUR])
    return Recording("drive.mp4", "de", frames)


@pytest.mark.parametrize("made_at", [NOON, NOON - 0.9 * HOUR, NOON + 1.9 * HOUR, 0.0, None])
def test_clocks_that_agree_are_not_told_of(made_at: float | None) -> None:
    assert check_clocks(recording(NOON), made_at) is None
    assert check_clocks(recording(None), made_at) is None


@pytest.mark.parametrize(("made_at", "hours"), [(NOON - 2 * HOUR, "2.0 h"), (NOON + 12 * HOUR, "11.0 h")])
def test_clocks_that_are_hours_apart_are_told_in_a_sentence(made_at: float, hours: str) -> None:
    told = check_clocks(recording(NOON), made_at)
    assert told is not None
    assert told.startswith(f"The clocks of pictures and positions of drive.mp4 are {hours} apart")


@pytest.mark.parametrize("made_at", [NOON - 24 * HOUR, NOON + 23 * HOUR, 1.4e9])
def test_positions_of_another_day_are_refused(made_at: float) -> None:
    with pytest.raises(SourceError, match=r"The positions of drive.mp4 are of 2026-03-01, and it was recorded on"):
        check_clocks(recording(NOON), made_at)
