"""A wall clock that can be set for some processes, without setting the machine's."""

import shutil
import struct
import subprocess
from pathlib import Path

COMPILER = shutil.which("cc")


class WallClock:
    """The clock of processes that are started with its environment.

    Args:
        folder: For what is compiled.

    Attributes:
        environment: Variables for those processes.
    """

    def __init__(self, folder: Path) -> None:
        assert COMPILER is not None
        library, self._offset = folder / "wall_clock.so", folder / "offset"
        source = Path(__file__).with_name("wall_clock.c")
        subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        self._offset.write_bytes(struct.pack("d", 0.0))
        self.environment = {"LD_PRELOAD": str(library), "TEST_CLOCK_OFFSET": str(self._offset)}

    def set(self, seconds: float) -> None:
        """Set the clock, so many seconds before or after the right time."""
        with self._offset.open("r+b") as file:  # in place: the processes have it mapped
            file.write(struct.pack("d", seconds))
