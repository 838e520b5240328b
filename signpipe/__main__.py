"""`python -m signpipe`, and the command `signpipe`: so small that Ctrl-C is quiet from its first moment."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded ends it without a word."""
    try:
        from signpipe.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # what was being imported is half there: nothing of it may be finished
    run()


if __name__ == "__main__":
    main()
