"""The person at the terminal: who it is, and a sentence to them."""

from __future__ import annotations

import getpass

from rich.console import Console


def user_name() -> str:
    """Return the name of who runs the command, or "unknown"."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have no user of this number
        return "unknown"


def say(text: str) -> None:
    """Print a text as it is, without colours, line breaks and markup of its own."""
    Console().print(text, highlight=False, soft_wrap=True, markup=False)
