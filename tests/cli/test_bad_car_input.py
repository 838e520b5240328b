"""What a car and its tools can get wrong ends in one sentence and exit code 2, at the command line too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome
from tests.support.bags import Written, drive, fix, write_mcap

pytestmark = pytest.mark.slow

Run = Callable[..., Outcome]
SAMPLE = Path(__file__).parents[2] / "samples" / "drive.mp4"


def test_a_dbc_that_does_not_parse(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "car.dbc").write_text("BO_ this is none")
    speed = ("--speed", "can:virtual:car", "--speed-dbc", tmp_path / "car.dbc", "--speed-signal", "Speed")
    signpipe("run", SAMPLE, *speed).assert_one_sentence("car.dbc", "can't be read")


def test_a_bus_that_is_not_there(signpipe: Run) -> None:
    signpipe("run", SAMPLE, "--can", "socketcan:nowhere0").assert_one_sentence("nowhere0")
    signpipe("run", SAMPLE, "--can", "pigeon:1").assert_one_sentence("no interface 'pigeon'", "socketcan")


def test_a_bag_without_pictures(signpipe: Run, tmp_path: Path) -> None:
    written = Written()
    written.add("/gps/fix", "sensor_msgs/msg/NavSatFix", 0.0, **fix(written, 50.0, 9.0))
    signpipe("run", write_mcap(tmp_path / "a.mcap", written)).assert_one_sentence("no pictures", "/gps/fix")


def test_an_unknown_topic_is_told_with_those_that_are_there(signpipe: Run, tmp_path: Path) -> None:
    bag = write_mcap(tmp_path / "a.mcap", drive(frames=3))
    signpipe("run", bag, "--topic", "/side").assert_one_sentence("'/side'", "/cam/image_raw/compressed")


@pytest.mark.parametrize(("text", "says"), [("<OpenDRIVE><road", "no valid XML"), ("<OpenDRIVE/>", "has no road")])
def test_a_broken_road(signpipe: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "road.xodr").write_text(text)
    outcome = signpipe("simulate", tmp_path / "road.mp4", "--scene", tmp_path / "road.xodr")
    outcome.assert_one_sentence("road.xodr", says)
    assert not (tmp_path / "road.mp4").exists()
