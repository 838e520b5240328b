"""From the class names of a data set to the classes of the catalogue."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.errors import SettingsError
from signpipe.lab.data.labelled import SIGN

# What a name can be mapped to besides a class of the catalogue.
ANY_SIGN, IGNORE, NONE = "sign", "ignore", "none"
_GENERIC = {"sign", "signs", "traffic_sign", "traffic_signs", "trafficsign", "road_sign", "road_signs", "roadsign"}


@dataclass(frozen=True, slots=True)
class Label:
    """What a class name of a data set stands for.

    Attributes:
        class_id: Id in the catalogue, or `SIGN`.
        ignore: Whether its boxes are to be ignored.
    """

    class_id: int
    ignore: bool = False


class ClassMap:
    """Maps the class names of a data set onto the catalogue.

    A name is understood if it is mapped explicitly, or is a name, a title or a number of the catalogue (letter case,
    spaces and dashes don't matter), or just says "sign" or "traffic sign".

    Args:
        mapping: Explicit names: to a class of the catalogue, to "sign" (a sign, class unknown), to "ignore" (neither
            a sign to be found nor a false alarm) or to "none" (leave the box out).
        one_class: Take every other name as just "sign": enough to train and judge a detector.
        catalogue: The catalogue; the built-in one by default.

    Raises:
        SettingsError: A name is mapped to something that is not there.
    """

    def __init__(
        self, mapping: Mapping[str, str] | None = None, one_class: bool = False, catalogue: Catalogue | None = None
    ) -> None:
        self._catalogue = catalogue or load_catalogue()
        self._one_class = one_class
        self._known: dict[str, int] = {}
        for sign in self._catalogue:
            self._known |= {_plain(sign.name): sign.id, _plain(sign.title): sign.id, str(sign.id): sign.id}
        self._mapping = {_plain(name): self._target(name, target) for name, target in (mapping or {}).items()}

    def _target(self, name: str, target: str) -> Label | None:
        special = {ANY_SIGN: Label(SIGN), IGNORE: Label(SIGN, ignore=True), NONE: None}
        if target in special:
            return special[target]
        if _plain(target) not in self._known:
            raise SettingsError(
                f"The class '{name}' can't be mapped to '{target}', which isn't in the catalogue{self._hint(target)}; "
                f"give a class of the catalogue, or {ANY_SIGN}, {IGNORE} or {NONE}."
            )
        return Label(self._known[_plain(target)])

    def with_defaults(self, defaults: Mapping[str, str]) -> ClassMap:
        """Return a copy that also knows the names of a format, behind what the user mapped."""
        extended = ClassMap(defaults, self._one_class, self._catalogue)
        extended._mapping |= self._mapping
        return extended

    def resolve(self, name: str) -> Label | None:
        """Return what a class name stands for, or None where its boxes are to be left out.

        Raises:
            KeyError: The name is unknown; the message says what can be done.
        """
        plain = _plain(name)
        if plain in self._mapping:
            return self._mapping[plain]
        if plain in self._known:
            return Label(self._known[plain])
        if self._one_class or plain in _GENERIC:
            return Label(SIGN)
        raise KeyError(f"the class '{name}' isn't in the catalogue{self._hint(name)}")

    def _hint(self, name: str) -> str:
        close = difflib.get_close_matches(_plain(name), [n for n in self._known if not n.isdigit()], n=1)
        return f" (did you mean {self._catalogue[self._known[close[0]]].name}?)" if close else ""


def parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """Turn OLD=NEW texts into a mapping of class names.

    Raises:
        SettingsError: A text has no equals sign or an empty side.
    """
    mapping = {}
    for text in texts:
        old, _, new = (part.strip() for part in text.rpartition("="))
        if not old or not new:
            raise SettingsError(f"--map takes OLD=NEW, such as stop_sign=stop, not '{text}'.")
        mapping[old] = new
    return mapping


def _plain(name: str) -> str:
    """Bring spellings of one name together; numbers lose their leading zeros ("00014" is class 14)."""
    plain = re.sub(r"[\s\-/_]+", "_", name.strip().lower())
    return str(int(plain)) if plain.isdecimal() else plain
