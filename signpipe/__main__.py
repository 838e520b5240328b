"""`python -m signpipe`, and the command `signpipe`: so small that Ctrl-C is quiet from its first moment."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded ends it without a word.

    It ends it at once: raised as an exception it would come out of a library that is half imported as whatever error
    that makes of it, and nothing half imported may be finished.
    """
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell may let it be ignored
    if raises:
        signal.signal(signal.SIGINT, _end)
    from signpipe.cli.main import main as run

    if raises:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end(*_: object) -> None:
    sys.stderr.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
