"""Linux's own CAN, in a virtual machine: what a raw socket of the kernel heard on vcan0, decoded by cantools."""

import struct
from pathlib import Path
from typing import Any

import cantools
import pytest

from signpipe.can import DBC
from tests.support import camera_vm

WAIT = 840.0  # seconds: software emulation on a busy machine
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(WAIT + 60),
    pytest.mark.system,
    pytest.mark.skipif(bool(camera_vm.why_absent()), reason=f"no virtual machine: {camera_vm.why_absent()}"),
]


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was heard in a machine that has one bus, vcan0."""
    script = Path(camera_vm.__file__).with_name("can_guest.py")
    return camera_vm.run_in_vm(script, tmp_path_factory.mktemp("vm"), WAIT)


def test_the_four_messages_are_heard_with_the_limit(bus: Any) -> None:
    database = cantools.database.load_file(DBC)
    told: dict[str, Any] = {}
    for frame in bus["before"]:
        identifier, length, data = struct.unpack("<IB3x8s", bytes.fromhex(frame))
        assert length == 8
        message = database.get_message_by_frame_id(identifier)
        told[message.name] = message.decode(data)
    assert sorted(told) == ["SP_Ahead", "SP_Limit", "SP_Signs", "SP_Status"]
    assert 80 in told["SP_Limit"].values()


def test_a_bus_that_goes_down_costs_frames_and_is_back_when_it_is_up(bus: Any) -> None:
    assert bus["lost"] >= 1
    assert len(bus["after"]) == 1
