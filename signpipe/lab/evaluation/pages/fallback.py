"""The parts of the quality report on the fallback: what each witness wins, at which level to publish, what is novel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signpipe.html.page import Html, Section, join, paragraph, table

Metrics = Mapping[str, Any]


def fallback_sections(results: Mapping[str, Mapping[str, Any]]) -> list[Section]:
    """Return a part for each of the tasks "fallback", "publishing" and "novelty" that was measured.

    Args:
        results: What was measured, by task.
    """
    draw = {"fallback": ("What each witness wins", _witnesses), "publishing": ("Publishing with a guarantee", _rates),
            "novelty": ("What nobody has seen before", _novelty)}  # fmt: skip
    return [Section(title, show(results[task]["metrics"])) for task, (title, show) in draw.items() if task in results]


def _witnesses(metrics: Metrics) -> Html:
    sets: Mapping[str, Mapping[str, Metrics]] = metrics["sets"]
    parts = [
        paragraph(
            "Approaches to signs, read by vision alone, with one more witness each, and with all: the share in per "
            "cent that was published right at the end / published wrongly at any time. The rest was withheld. Poses, "
            "maps and LiDAR sweeps are simulated; of a map's entries one in ten is missing and one in ten wrong, "
            "unless said otherwise."
        )
    ]
    for maps in (False, True):
        chosen = {name: cells for name, cells in sets.items() if name.startswith("map ") is maps}
        if not chosen:
            continue
        columns = list(next(iter(chosen.values())))
        rows = [
            (name, *(_right_wrong(cells[column]) for column in columns), cells[columns[0]]["n"])
            for name, cells in chosen.items()
        ]
        parts.append(table(("set", *columns, "n"), rows))
    return join(*parts)


def _right_wrong(cell: Metrics) -> str:
    return f"{100 * cell['right']:.1f} / {100 * cell['wrong']:.2f}"


def _rates(metrics: Metrics) -> Html:
    rows = []
    for rate, worth in metrics["rates"].items():
        verified = worth["verified"] or {}
        hidden = "; ".join(
            f"{100 * float(share):.0f} % hidden: {100 * cell['wrong']:.2f} / {100 * cell['coverage']:.1f}"
            for share, cell in worth["hidden"].items()
        )
        rows.append(
            (f"{100 * float(rate):g} %", "yes" if worth["promised"] else "too few tracks", f"{worth['accept']:.6f}",
             worth["coverage"], verified.get("wrong"), verified.get("coverage"), hidden)
        )  # fmt: skip
    text = (
        f"Levels by conformal risk control on {metrics['n']['accept']} tracks that nothing was trained on; so many can "
        f"promise no less than {100 * metrics['lowest_rate']:.2f} %. Verified on random halves of the tracks; the last "
        "column is outside the promise: wrong / published in per cent under occluders that training never saw."
    )
    header = ("allowed", "promised", "publish from", "published", "wrong, unseen half", "published, unseen half",
              "under occlusion")  # fmt: skip
    return join(paragraph(text), table(header, rows))


def _novelty(metrics: Metrics) -> Html:
    rows = [
        (kind, name, cell.get("auroc"), cell["passed_at_95"], cell["published_at_95"], cell["published"], cell["n"])
        for kind in ("observations", "tracks")
        for name, cell in metrics[kind].items()
        if isinstance(cell, Mapping)
    ]
    for classes, sets in metrics.get("left_out", {}).items():
        rows += [
            (f"{kind}, trained without {classes}", name, cell.get("auroc"), cell["passed_at_95"],
             cell["published_at_95"], cell["published"], cell["n"])
            for kind in ("observations", "tracks") for name, cell in sets[kind].items() if isinstance(cell, Mapping)
        ]  # fmt: skip
        rows += [
            (f"{kind}, whole pipeline, trained without {classes}", "left_out", None, None, None,
             sets["whole"][kind]["published"], sets["whole"][kind]["n"])
            for kind in ("looks", "tracks") if "whole" in sets
        ]  # fmt: skip
    text = (
        "How well unknown signs are told from known ones: the area under the curve, and shares that pass as familiar "
        "and that would be published as a class of the catalogue, at the bound that lets 95 % of the known ones pass, "
        "and published at the bound of the settings."
    )
    header = ("", "set", "AUROC", "pass", "published at 95 %", "published", "n")
    return join(paragraph(text), table(header, rows))
