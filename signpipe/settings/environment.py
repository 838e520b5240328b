"""The settings of the environment: SIGNPIPE_SECTION__NAME, or a whole SIGNPIPE_SECTION in JSON."""

from __future__ import annotations

import json
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource

from signpipe.errors import SettingsError

PREFIX = "SIGNPIPE_"
DELIMITER = "__"
_LISTED = "`signpipe settings` lists them all."


class Environment(EnvSettingsSource):
    """The layer of the environment, which refuses in one sentence what it can't read. Empty variables are none."""

    def __call__(self) -> dict[str, Any]:
        """Return the tree of this layer.

        Raises:
            SettingsError: A variable names no section, or gives a whole section, and not in JSON.
        """
        for name, value in self.env_vars.items():  # in lower case
            if value and name.startswith(PREFIX.lower()):
                _check(self.settings_cls, name.removeprefix(PREFIX.lower()), value)
        return super().__call__()


def variable(name: str) -> str:
    """Return the variable of a setting, such as SIGNPIPE_DETECT__SCORE for detect.score."""
    return PREFIX + name.replace(".", DELIMITER).upper()


def _check(settings: type[BaseSettings], name: str, value: str) -> None:
    """Check a variable, without its prefix; what its setting may be is checked with all the others.

    Variables without two underscores that belong to no section are let pass: they are for other things (SIGNPIPE_DATA),
    and Kubernetes makes some for a service of this name (SIGNPIPE_PORT, SIGNPIPE_SERVICE_HOST).
    """
    sections = settings.model_fields
    section, nested, _ = name.partition(DELIMITER)
    if nested and section not in sections:
        raise SettingsError(
            f"The environment variable {variable(name)} is no setting: there is no section '{section}'; {_LISTED}"
        )
    if not nested and section in sections and not _is_table(value):
        raise SettingsError(
            f"The environment variable {variable(name)} can't be read; a whole section is given in JSON, a single "
            f"setting as {variable(name)}{DELIMITER}NAME; {_LISTED}"
        )
    for known, field in sections.items():
        key = name.removeprefix(f"{known}_")
        if not nested and key != name and key in getattr(field.annotation, "model_fields", {}):
            raise SettingsError(
                f"The environment variable {variable(name)} is no setting; with two underscores, "
                f"{variable(f'{known}.{key}')}, it is."
            )


def _is_table(text: str) -> bool:
    """Return whether a text is an object in JSON."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
