"""A short recording, which costs the detector little."""

from pathlib import Path

import pytest

from tests.support.videos import write_video


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 20 small frames."""
    return write_video(tmp_path_factory.mktemp("bench") / "short.mp4")
