"""Runs inside the virtual machine: uses its camera as signpipe does, and writes down what happened."""

# ruff: noqa: E402
from __future__ import annotations

import json
import sys
import time
import types
from pathlib import Path
from typing import Any

# The sources alone: importing the package itself brings every stage and runtime, half a minute in the emulator.
package = types.ModuleType("signpipe")
package.__path__ = [str(Path(__file__).parents[2] / "signpipe")]
sys.modules.setdefault("signpipe", package)

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import list_cameras, open_source
from signpipe.stages.capture import Capture
from signpipe.types import Gap

_DRIVER = Path("/sys/bus/platform/drivers/vivid")


def open_with(spec: str, **wanted: Any) -> dict[str, Any]:
    """Open a camera and tell what it says of itself, with a few frames; or why it can't be opened."""
    try:
        source = open_source(spec, CaptureSettings(**wanted))
    except SourceError as error:
        return {"error": str(error)}
    frames = [source.read() for _ in range(6)]
    late = [time.monotonic() - frame.captured_at for frame in frames if frame]
    source.close()
    info = source.info
    return {
        "id": info.source_id,
        "size": [info.width, info.height],
        "fps": info.fps,
        "live": info.live,
        "details": info.details,
        "warnings": info.warnings,
        "shapes": [frame.image.shape for frame in frames if frame],
        "brightest": [int(frame.image.max()) for frame in frames if frame],
        "media_times": [frame.media_time for frame in frames if frame],
        "late": late,
    }


def unplug_and_plug_in() -> dict[str, Any]:
    """Capture while the device goes away and comes back."""
    settings = CaptureSettings(
        width=640, height=360, fps=30, gap_after=0.3, reconnect_first=0.3, reconnect_longest=0.3, stall_timeout=2
    )
    story: list[str] = []
    times: list[float] = []
    with Capture(lambda: open_source("0", settings), settings) as capture:
        for item in capture:
            times.append(item.media_time)
            kind = "gap" if isinstance(item, Gap) else "frame"
            if not story or story[-1] != kind:
                story.append(kind)
            if len(times) == 10:
                (_DRIVER / "unbind").write_text("vivid.0")
            if isinstance(item, Gap) and not Path("/dev/video0").exists():
                (_DRIVER / "bind").write_text("vivid.0")
            if len(story) == 3 or len(times) > 300:
                break
        return {"story": story, "times": times, "reconnects": capture.reconnects}


if __name__ == "__main__":
    facts = {
        "cameras": [str(camera) for camera in list_cameras()],
        "asked": open_with("0", width=640, height=360, fps=30, gain=100, exposure=50),
        "too much": open_with("/dev/video0", width=640, height=360, gain=5000),
        "slow": open_with("0", fps=5),
        "unknown": open_with("7"),
        "lost": unplug_and_plug_in(),
    }
    Path(sys.argv[1]).write_text(json.dumps(facts))
