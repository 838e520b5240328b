"""What supplementary plates mean: from their class, and from what is written on them, to conditions."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from signpipe.types.plates import UNREAD, VEHICLES, Condition, ConditionKind, TimeSpan

MEANINGS = Path(__file__).with_name("plates.toml")
METRES = {"m": 1.0, "km": 1000.0, "yd": 0.9144, "yds": 0.9144, "yards": 0.9144, "mi": 1609.344, "mile": 1609.344,
          "miles": 1609.344}  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKING_DAYS = frozenset(range(6))  # a Saturday is one in some countries: a restriction rather holds too long
ARROWS = {"↑": "ahead", "⬆": "ahead", "←": "left", "⬅": "left", "→": "right", "➡": "right", "↗": "exit", "↖": "left"}
WEATHER = {kind.value: kind for kind in (ConditionKind.WET, ConditionKind.SNOW, ConditionKind.FOG)}

_TIME = re.compile(
    r"(\d{1,2})(?:[.:h](\d{2}))?\s*(am|pm|h|u|uhr|ure)?\s*(?:-|bis|a|al|alle|tot|do|to|till)\s*"
    r"(\d{1,2})(?:[.:h](\d{2}))?(?!\d|[.,]\d|\s*(?:k?m|t)\b)\s*(am|pm|h\b|u\b|uhr|ure)?"
)
_QUANTITY = re.compile(r"(\d+(?:[.,]\d+)?)\s*(km|m|yds|yards|yd|miles|mile|mi|t)\b")
_WORD = re.compile(r"[^\s,;/()&+]+")
_BETWEEN = re.compile(r"[\s,;/()&+]+")


@dataclass(frozen=True, slots=True)
class _Item:
    """A piece of what is written: what it is, and what it says."""

    kind: str
    text: str = ""
    value: float = 0.0
    span: TimeSpan = field(default_factory=TimeSpan)


def plate_conditions(kind: str | None, text: str | None = None, languages: Sequence[str] = ()) -> tuple[Condition, ...]:
    """Return what a plate says; what could not be read is among it as UNREAD, so that it is never empty.

    Args:
        kind: Its class in the catalogue, such as "plate_when_wet", or None where that isn't known.
        text: What was read on it, or None.
        languages: ISO 639-1 codes of those that it may be written in; all that there are, if none is given.
    """
    said = _classes().get(kind, "") if kind is not None else "figures"
    what, *rest = said.split() or [""]
    if what in WEATHER:
        return (Condition(WEATHER[what]),)
    match what:
        case "only" | "except":
            return (Condition(ConditionKind(what), vehicles=tuple(rest)),)
        case "lane":
            return (Condition(ConditionKind.LANE, lane=rest[0]),)
        case "days":
            return (Condition(ConditionKind.TIME, spans=(TimeSpan(days=frozenset(map(int, rest))),)),)
        case "end":
            return (Condition(ConditionKind.END),)
        case "note":
            return (Condition(ConditionKind.NOTE, text=" ".join(rest)),)
        case "figures":
            return parse_plate(text or "", languages)
        case "ahead" | "length":
            return parse_plate(text or "", languages, ConditionKind(what))
    return (UNREAD,)


def parse_plate(
    text: str, languages: Sequence[str] = (), distance: ConditionKind | None = None
) -> tuple[Condition, ...]:
    """Return the conditions that are written on a plate; whatever isn't understood makes it, in part, UNREAD.

    Args:
        text: What is written, such as "bei Nässe", "22-6 h", "Lkw über 3,5 t" or "sauf riverains".
        languages: As for `plate_conditions`.
        distance: What a bare distance such as "200 m" is: AHEAD or LENGTH. Arrows beside it, which tell, are no part of
            the text; where they aren't known, it stays unread.
    """
    items = list(_scan(_plain(text), tuple(languages) or tuple(_words())))
    kinds = {item.kind for item in items}
    found: list[Condition] = [Condition(WEATHER[kind]) for kind in WEATHER if kind in kinds]
    found += _times(items)
    found += _vehicles(items)
    found += _distances(items, text, distance)
    if "exit" in kinds:
        found.append(Condition(ConditionKind.LANE, lane="exit"))
    if "end" in kinds:
        found.append(Condition(ConditionKind.END))
    if "note" in kinds and not found:
        found.append(Condition(ConditionKind.NOTE, text=text.strip()))
    if "unknown" in kinds or not found:
        found.append(Condition(ConditionKind.UNREAD, text=text.strip()))
    return tuple(found)


def _times(items: Sequence[_Item]) -> list[Condition]:
    """Return when: hours, days, or hours on days."""
    days: set[int] = set()
    for number, item in enumerate(items):
        if item.kind == "working":
            days |= WORKING_DAYS
        elif item.kind in WEEKDAYS:
            day = WEEKDAYS.index(item.kind)
            follows = number >= 2 and items[number - 1].kind == "dash" and items[number - 2].kind in WEEKDAYS
            first = WEEKDAYS.index(items[number - 2].kind) if follows else day
            days |= {(first + step) % 7 for step in range((day - first) % 7 + 1)}
    whole = frozenset(days) or frozenset(range(7))
    spans = tuple(TimeSpan(item.span.start, item.span.end, whole) for item in items if item.kind == "time")
    if not spans and days:
        spans = (TimeSpan(days=whole),)
    return [Condition(ConditionKind.TIME, spans=spans)] if spans else []


def _vehicles(items: Sequence[_Item]) -> list[Condition]:
    """Return for whom, and over which weight."""
    kinds = [item.kind for item in items]
    named = tuple(dict.fromkeys(kind for kind in kinds if kind in VEHICLES))
    weights = [item.value for item in items if item.kind == "t"]
    excepted = "except" in kinds or "free" in kinds
    if (excepted and (weights or not named)) or len(weights) > 1:
        return [UNREAD]  # "except lorries over 3.5 t" is no condition that can be taken apart
    found = [Condition(ConditionKind.EXCEPT if excepted else ConditionKind.ONLY, vehicles=named)] if named else []
    return found + [Condition(ConditionKind.HEAVIER, weight) for weight in weights]


def _distances(items: Sequence[_Item], text: str, distance: ConditionKind | None) -> list[Condition]:
    """Return from where on, and how far; an arrow with nothing beside it is that of a lane."""
    found = []
    arrows = [item.text for item in items if item.kind == "arrow"]
    for number, item in enumerate(items):
        if item.kind != "metres":
            continue
        before = items[number - 1].kind if number else ""
        if before in ("length", "only") or "ahead" in arrows:
            kind: ConditionKind | None = ConditionKind.LENGTH
        else:
            kind = ConditionKind.AHEAD if before == "ahead" else distance
        found.append(Condition(kind, item.value) if kind else Condition(ConditionKind.UNREAD, text=text.strip()))
    if arrows and not found:
        found.append(Condition(ConditionKind.LANE, lane=arrows[0]))
    return found


def _scan(text: str, languages: tuple[str, ...]) -> Iterator[_Item]:
    """Cut what is written into pieces."""
    phrases, kinds = _phrases(languages)
    place = 0
    while place < len(text):
        if found := _BETWEEN.match(text, place):
            place = found.end()
            continue
        if (found := _TIME.match(text, place)) and (span := _span(found)):
            yield _Item("time", span=span)
        elif found := _QUANTITY.match(text, place):
            value = float(found[1].replace(",", "."))
            unit = found[2]
            yield _Item("t", value=value) if unit == "t" else _Item("metres", value=value * METRES[unit])
        elif found := phrases.match(text, place):
            kind = kinds[found[0]]
            if kind != "filler":
                yield _Item(kind, found[0])
        elif text[place] in ARROWS:
            yield _Item("arrow", ARROWS[text[place]])
            place += 1
            continue
        elif text[place] == "-":
            yield _Item("dash")
            place += 1
            continue
        else:
            found = _WORD.match(text, place)
            assert found is not None
            yield _Item("unknown", found[0])
        place = found.end()


def _span(found: re.Match[str]) -> TimeSpan | None:
    start, end = _minutes(*found.groups()[:3]), _minutes(*found.groups()[3:])
    if start is None or end is None or start == end:
        return None
    return TimeSpan(start % 1440, end)


def _minutes(hour: str, minute: str | None, half: str | None) -> int | None:
    """Return the minutes after midnight, 0 to 1440, or None if there is no such time of the day."""
    hours, minutes = int(hour), int(minute or 0)
    if half in ("am", "pm"):
        hours = hours % 12 + (12 if half == "pm" else 0)
    total = hours * 60 + minutes
    return total if total <= 1440 and minutes < 60 else None


def _plain(text: str) -> str:
    """Return a text in small letters, without accents, with plain dashes."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return re.sub(r"\s*[\u2012-\u2014\u2212]\s*", "-", bare).replace("\u2019", "'").strip()


@lru_cache(maxsize=16)
def _phrases(languages: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of all phrases of some languages, the longest first, and what each is."""
    kinds: dict[str, str] = {}
    for language in languages:
        for kind, phrases in _words().get(language, {}).items():
            for phrase in phrases:
                kinds.setdefault(_plain(phrase), kind)
    ordered = sorted(kinds, key=len, reverse=True)
    pattern = "|".join(map(re.escape, ordered)) or r"(?!)"
    return re.compile(rf"(?:{pattern})(?![^\W\d_])"), kinds


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    """Return what each class of plates says."""
    classes: dict[str, str] = tomllib.loads(MEANINGS.read_text(encoding="utf-8"))["classes"]
    return classes


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, list[str]]]:
    """Return the phrases of each language, by what they say."""
    tables = tomllib.loads(MEANINGS.read_text(encoding="utf-8"))
    return {language: table for language, table in tables.items() if language != "classes"}
