"""A real camera device, with its controls, and the lack of one."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import list_cameras, open_source
from tests.support import camera_vm

in_vm = pytest.mark.skipif(bool(camera_vm.why_absent()), reason=f"no virtual machine: {camera_vm.why_absent()}")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the package found in a machine that has one camera, 'vivid'."""
    script = Path(camera_vm.__file__).with_name("camera_guest.py")
    return camera_vm.run_in_vm(script, tmp_path_factory.mktemp("vm"))


def test_an_unknown_camera_is_refused_with_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"There is no camera /dev/video97: this machine has") as caught:
        open_source("97", CaptureSettings())
    for camera in list_cameras():
        assert str(camera) in str(caught.value)


def test_a_device_that_is_no_camera_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="There is no camera /dev/video-nonsense"):
        open_source("/dev/video-nonsense", CaptureSettings())
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.system
@in_vm
class TestDevice:
    def test_it_is_listed_by_path_and_name(self, facts: Any) -> None:
        assert facts["cameras"] == ["/dev/video0 (vivid)"]

    def test_size_and_rate_are_as_asked(self, facts: Any) -> None:
        asked = facts["asked"]
        assert asked["id"] == "/dev/video0"
        assert asked["live"]
        assert asked["size"] == [640, 360]
        assert asked["fps"] == pytest.approx(30)
        assert asked["shapes"] == [[360, 640, 3]] * 6
        assert min(asked["brightest"]) > 150

    def test_timestamps_are_the_drivers(self, facts: Any) -> None:
        steps = [after - before for before, after in pairwise(facts["asked"]["media_times"])]
        assert facts["asked"]["media_times"][0] == 0
        assert all(step > 0 for step in steps)
        assert min(facts["asked"]["late"]) >= 0

    def test_a_control_that_holds_is_reported(self, facts: Any) -> None:
        assert facts["asked"]["details"]["gain"] == "100"

    def test_a_control_that_is_not_there_is_reported(self, facts: Any) -> None:
        assert facts["asked"]["details"]["exposure"] == "not available"
        assert [text for text in facts["asked"]["warnings"] if "exposure 50: not available" in text]

    def test_a_control_out_of_range_names_the_range(self, facts: Any) -> None:
        assert facts["too much"]["details"]["gain"] == "255 (it takes 0 to 255)"
        assert [text for text in facts["too much"]["warnings"] if "gain 5000" in text]

    def test_a_slow_camera_is_warned_of(self, facts: Any) -> None:
        assert facts["slow"]["fps"] < 30
        assert [text for text in facts["slow"]["warnings"] if "signs can be missed" in text]

    def test_an_unknown_camera_is_refused_with_those_there_are(self, facts: Any) -> None:
        assert facts["unknown"]["error"].endswith("/dev/video7: this machine has these cameras: /dev/video0 (vivid).")

    def test_unplugging_is_a_gap_and_plugging_in_brings_it_back(self, facts: Any) -> None:
        lost = facts["lost"]
        assert lost["story"] == ["frame", "gap", "frame"]
        assert lost["reconnects"] == 1
        assert lost["times"] == sorted(lost["times"])
