"""Tables of docs/reference on hidden signs, figures and moving leaves, from the committed results; see readme.py."""

from __future__ import annotations

from typing import Any

from benchmarks.readme_service import read
from benchmarks.readme_tables import percent, shares, table

# Published right and wrong by vision, before the classifiers told what is hidden (classifier of 2634016).
BEFORE = {
    "clean": (1.0, 0.0),
    "occluded, held out": (0.235, 0.0),
    "occluded": (0.282, 0.001),
    "damaged": (0.887, 0.002),
    "outside the catalogue": (0.0, 0.0),
    "map usual, half hidden": (0.15, 0.0),
}
APPROACHES = {  # the sets of `evaluate fallback`, as the document calls them
    "clean": "clean",
    "occluded, held out": "leaves and branches, held out",
    "occluded": "other occluders",
    "behind leaves that move, 30%": "behind leaves that move, 30 %",
    "behind leaves that move, 50%": "behind leaves that move, 50 %",
    "behind leaves that move, 70%": "behind leaves that move, 70 %",
    "damaged": "damaged",
    "outside the catalogue": "outside the catalogue",
    "map usual, half hidden": "half hidden by leaves, a map of the usual kind",
    "map empty, half hidden": "half hidden by leaves, no map",
    "map of what it is taken for, outside the catalogue, half hidden": "the same, outside the catalogue, where the map "
    "has what vision takes it for",
}
DRAWN = {  # the sets of `evaluate figures`
    "drawn limits, of the 43, 24 px and more": "limits of the 43",
    "drawn limits, others, 24 px and more": "limits outside the 43",
    "drawn boards": "boards with words",
    "drawn lamps": "lamps",
    "drawn ends": "ends, struck through",
    "drawn measures": "weights, heights, widths, lengths",
    "drawn plates": "plates",
}
PUBLISHED = {
    "drawn limits, of the 43": "drawn limits of the 43",
    "drawn limits, others": "drawn limits outside the 43",
    "drawn measures": "drawn weights, heights, widths and lengths",
    "photographs, of the 43 (signs877)": "limits of many countries (`signs877`; the classifier was trained on three "
    "quarters of the set)",
}
LOOKS = {  # of benchmarks/parallax.py
    "look": "one look",
    "last look": "the last look",
    "evidence": "all looks as evidence",
    "mean picture": "their mean as one picture",
    "both": "both",
}


def approaches() -> str:
    """Return what is published of signs that are driven up to, by who was asked."""
    sets = read("fallback")["metrics"]["sets"]
    asked = ("vision", "figures", "map", "all")
    rows = []
    for name, called in APPROACHES.items():
        told = sets[name]
        before = BEFORE.get(name)
        rows.append(
            (
                called,
                f"{told['vision']['n']:,}",
                shares(before) if before else "",
                *(_right_and_wrong(told[who]) if who in told else "" for who in asked),
            )
        )
    head = ("approaches", "n", "vision, before hidden parts were told", "vision", "with figures", "with a map", "all")
    return table(head, rows, right=6)


def parallax() -> str:
    """Return what several looks tell of signs behind leaves that move."""
    sets = read("parallax")["sets"]
    rows = []
    for name, told in sets.items():
        occluder, hidden = name.split()
        rows.append(
            (
                f"{occluder}, {hidden[:-1]} %",
                *(shares([told[look]["right"]]) for look in LOOKS),
            )
        )
    return table(("hidden at a time", *LOOKS.values()), rows, right=len(LOOKS))


def drawn_figures() -> str:
    """Return how drawn figures in typefaces that training never saw are read."""
    sets = read("figures")["metrics"]["sets"]
    rows = [
        (
            called,
            f"{sets[name]['n']:,}",
            percent(sets[name]["right"]),
            percent(sets[name]["right_sure"]),
            percent(sets[name]["wrong_sure"]) if sets[name]["wrong_sure"] else "0",
        )
        for name, called in DRAWN.items()
    ]
    return table(("drawn", "n", "read right", "surely right", "wrong of those sure"), rows, right=4)


def published_figures() -> str:
    """Return what the whole pipeline publishes of signs with figures, without the reader and with it."""
    published = read("figures")["metrics"]["published"]
    rows = []
    for name, called in PUBLISHED.items():
        without, reader = published[name]["without"], published[name]["with_reader"]
        if without["in_catalogue"]:
            right = _from_to(without["right"], reader["right"])
            wrong = _from_to(without["wrong"], reader["wrong"]) if without["wrong"] or reader["wrong"] else "0"
        else:
            right = "none can be"
            wrong = f"{_count(without)} published, all wrong; with the reader {_count(reader)}"
        rows.append((called, f"{without['n']:,}", right, wrong))
    return table(("single looks", "n", "right", "wrong of those published"), rows, right=3)


def _right_and_wrong(told: dict[str, Any]) -> str:
    return shares((told["right"], told["wrong"]))


def _from_to(without: float, with_reader: float) -> str:
    if without == with_reader:
        return percent(with_reader)
    return f"{shares([without])} to {percent(with_reader)}"


def _count(told: dict[str, Any]) -> str:
    """Return how many of the looks were published."""
    return f"{round(told['n'] * (1 - told['withheld']))}"
