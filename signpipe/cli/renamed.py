"""Options that had another name in the last version: they are still taken, with a warning each."""

from __future__ import annotations

import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)

# To be removed, with this module, in the version after the one that renamed them.
RENAMED = {"--looks": "--observations", "--outside": "--drawings"}


def current_options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command line with today's names of options."""
    current = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in RENAMED:
            logger.warning("The option %s is called %s now; the old name will go.", name, RENAMED[name])
        current.append(RENAMED.get(name, name) + equals + value)
    return current
