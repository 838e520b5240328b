"""Runs inside the virtual machine: uses its CAN bus as signpipe does, and writes down what happened."""

# ruff: noqa: E402
from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

# The front door imports the whole pipeline, which takes an emulated processor a minute.
package = types.ModuleType("signpipe")
package.__path__ = [str(Path(__file__).parents[2] / "signpipe")]
sys.modules.setdefault("signpipe", package)

from signpipe.can.bulletin import Bulletin, Limit, Status
from signpipe.can.sender import Sender
from signpipe.can.words import LimitKind, State, Unit, Validity


def tell_the_bus() -> dict[str, Any]:
    """Tell vcan0 a limit while a socket of the kernel's own listens, take the bus down, and bring it up again."""
    listener = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    listener.bind(("vcan0",))
    listener.settimeout(60.0)
    bulletin = Bulletin(Status(State.OK), Limit(LimitKind.LIMIT, 80, Unit.KILOMETRES, validity=Validity.ACTIVE))
    sender = Sender("socketcan:vcan0", lambda _now: bulletin)
    try:
        before = [listener.recv(16).hex() for _ in range(16)]
        network("down")
        deadline = time.monotonic() + 60
        while not sender.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        lost = sender.lost
        network("up")
        after: list[str] = []
        while not after and time.monotonic() < deadline + 60:
            try:
                after.append(listener.recv(16).hex())
            except OSError:  # the socket is told once that the network was down
                continue
    finally:
        sender.close()
        listener.close()
    return {"before": before, "lost": lost, "after": after}


def network(state: str) -> None:
    """Bring vcan0 up or down."""
    subprocess.run(["busybox", "ip", "link", "set", "vcan0", state], check=True)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(tell_the_bus()))
