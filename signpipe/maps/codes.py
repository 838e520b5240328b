"""Which class of the catalogue a tag of OpenStreetMap means.

The tags are those of the OpenStreetMap wiki (https://wiki.openstreetmap.org/wiki/Key:traffic_sign and
https://wiki.openstreetmap.org/wiki/DE:Verkehrszeichen_in_Deutschland); the numbers are those of the German catalogue
of traffic signs, a part of the VwV-StVO (VzKat 2017, http://www.vzkat.de/2017/Teil01/Teil01.htm).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from signpipe.catalogue import Catalogue, Effect

# Number, or number and variant, to class. A number stands for all its variants that aren't listed.
GERMAN: dict[str, str | None] = {
    "101": "general_danger",
    "101-51": "snow_or_ice",
    "103-10": "bend_left",
    "103-20": "bend_right",
    "105": "double_bend",
    "105-20": None,  # first to the right
    "112": "uneven_road",
    "113": "snow_or_ice",  # until 2009
    "114": "slippery_road",
    "121-10": "road_narrows_right",
    "123": "road_works",
    "131": "traffic_lights",
    "133": "pedestrians",
    "136": "children",
    "138": "cyclists",
    "142": "wild_animals",
    "205": "give_way",
    "206": "stop",
    "209": "turn_right",
    "209-10": "turn_left",
    "209-30": "straight_on",
    "214": "straight_or_right",
    "214-10": "straight_or_left",
    "214-30": None,  # left or right
    "215": "roundabout",
    "222": "keep_right",
    "222-10": "keep_left",
    "250": "no_vehicles",
    "253": "no_goods_vehicles",
    "267": "no_entry",
    "276": "no_overtaking",
    "277": "no_overtaking_goods",
    "280": "end_no_overtaking",
    "281": "end_no_overtaking_goods",
    "282": "end_all_restrictions",
    "301": "priority_next_intersection",
    "306": "priority_road",
}
# Readable values; "maxspeed" takes its number from the tag of that name.
WORDS = {
    "stop": "stop",
    "give_way": "give_way",
    "yield": "give_way",
    "no_entry": "no_entry",
    "overtaking": "no_overtaking",
    "no_overtaking": "no_overtaking",
    "priority_road": "priority_road",
    "roundabout": "roundabout",
    "animal_crossing": "wild_animals",
    "children": "children",
}
_OWN_MEANING = frozenset({"101"})  # its variants are dangers of their own, not where the sign stands or points
SPEED, END_OF_SPEED = "274", "278"
# Variants of 274 and 278 before 2017: 55 meant 50 km/h, 56 meant 60. Where they clash with today's, today's count.
_OLD_VARIANTS = {52: 20, 53: 30, 54: 40, 55: 50, 56: 60, 57: 70, 58: 80, 59: 90, 61: 110, 62: 120, 63: 130}
_SUPPLEMENTARY = range(1000, 2000)  # plates below a sign that say when or for whom it holds
_CODE = re.compile(r"(?:([A-Za-z]{2,3}):)?(\d{3,4}(?:\.\d+)?)(?:-(\d+))?(?:\[([^\]]*)\])?")
_SEPARATOR = re.compile(r"[;,|]")
_SPEED = re.compile(r"(\d{1,3})(?:\.0+)?(?:\s*(?:km/?h|kmh|kph))?")


class SignCodes:
    """Reads tags for one catalogue.

    Args:
        catalogue: The classes that there are; whatever else a map says counts as unknown.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._names = {sign.name: sign.id for sign in catalogue}
        self._limits = {
            int(sign.value): sign.id for sign in catalogue if sign.effect is Effect.LIMIT and sign.value is not None
        }
        self._ends = {
            int(sign.value): sign.id for sign in catalogue if sign.effect is Effect.END_LIMIT and sign.value is not None
        }

    def named(self, name: str | int) -> int | None:
        """Return the class with a name or number, or None if there is none."""
        if isinstance(name, int) or name.strip().isdecimal():
            return int(name) if 0 <= int(name) < len(self._names) else None
        return self._names.get(name.strip())

    def limit(self, maxspeed: str) -> int | None:
        """Return the limit that a `maxspeed` tag means, or None if the catalogue has none of that value."""
        match = _SPEED.fullmatch(maxspeed.strip().lower())
        return self._limits.get(int(match[1])) if match else None

    def signs(self, value: str, tags: Mapping[str, str]) -> list[int | None]:
        """Return the classes that a `traffic_sign` tag lists.

        Args:
            value: Its value, such as "DE:274-50,1042-33;DE:276".
            tags: All tags of the object: "maxspeed" is taken from its own.

        Returns:
            One class a sign, None for each that the catalogue doesn't have; supplementary plates are left out.
        """
        classes: list[int | None] = []
        country = None
        for item in filter(None, (part.strip() for part in _SEPARATOR.split(value))):
            code = _CODE.fullmatch(item)
            if code is None:
                classes.append(self._word(item.lower(), tags))
                continue
            country = code[1] or country
            if float(code[2]) not in _SUPPLEMENTARY:
                german = (country or "DE").upper() == "DE"
                classes.append(self._german(code[2], code[3], code[4]) if german else None)
        return classes

    def _word(self, word: str, tags: Mapping[str, str]) -> int | None:
        """Return the class of a readable value."""
        if word == "maxspeed":
            return self.limit(tags.get("maxspeed", ""))
        return self._names.get(WORDS.get(word) or word)

    def _german(self, number: str, variant: str | None, value: str | None) -> int | None:
        """Return the class of a German sign."""
        if number in (SPEED, END_OF_SPEED):
            table = self._limits if number == SPEED else self._ends
            if value is not None:
                match = _SPEED.fullmatch(value.strip())
                return table.get(int(match[1])) if match else None
            speed = int(variant or 0)
            return table.get(_OLD_VARIANTS.get(speed, speed))
        whole = None if variant and number in _OWN_MEANING else GERMAN.get(number)
        name = GERMAN.get(f"{number}-{variant}", whole)
        return self._names.get(name) if name else None
