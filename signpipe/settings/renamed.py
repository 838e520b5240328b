"""Settings that had another name in the last version: they are still read, with a warning each."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

logger = logging.getLogger(__name__)

# To be removed, with this module, in the version after the one that renamed them.
RENAMED = {
    "classify.added": "classify.few_shot",
    "decide.together": "decide.conflict_window",
    "fallback.again": "fallback.rematch_growth",
    "fallback.joint": "fallback.accept_fused",
}
DROPPED = {"classify.margin": "the margin around a sign is the classifier's own, in the model manifest"}


class CurrentNames(PydanticBaseSettingsSource):
    """One layer of the settings, with old names replaced by today's; where a layer has both, today's counts.

    Args:
        settings: The class of the settings.
        layer: The layer, as pydantic-settings made it.
    """

    def __init__(self, settings: type[BaseSettings], layer: PydanticBaseSettingsSource) -> None:
        super().__init__(settings)
        self._layer = layer

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of one field, as the layer has it."""
        return self._layer.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """Return the tree of this layer."""
        return current_names(self._layer())


def current_names(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a tree of settings, section by section, in which no old name is left."""
    tree = {name: dict(section) if isinstance(section, dict) else section for name, section in tree.items()}
    for old in (*RENAMED, *DROPPED):
        name, _, key = old.partition(".")
        section = tree.get(name)
        if not isinstance(section, dict) or key not in section:
            continue
        value = section.pop(key)
        if old in RENAMED:
            section.setdefault(RENAMED[old].partition(".")[2], value)
        warn_of(old)
    return tree


@cache
def warn_of(old: str) -> None:
    """Warn of an old name, once per run."""
    if old in RENAMED:
        logger.warning("The setting '%s' is called '%s' now; the old name will go.", old, RENAMED[old])
    else:
        logger.warning("The setting '%s' is no longer read: %s.", old, DROPPED[old])
