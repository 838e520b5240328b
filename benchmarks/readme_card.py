"""What the classifier's card says of it, from the committed result files and the manifest; see benchmarks/readme.py."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.readme_service import RESULTS, read
from benchmarks.readme_tables import percent, shares, spoken, table

MANIFEST = RESULTS.parents[1] / "models" / "manifest.toml"
STEPS = ("0.1", "0.3", "0.5", "0.7")  # shares of a sign that are hidden, of those that are measured
LIMIT = 0.01  # of the crops of a cell that may be wrong and sure


def judged() -> str:
    """Return how the shipped model does on clean and on hidden crops, as it was judged when it was exported."""
    entries = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["model"]
    metrics = next(entry for entry in entries if entry["name"] == "classifier")["metrics"]
    keys = ("accuracy", "category_accuracy", "ece", "sure", "sure_and_wrong")
    clean, hidden = ({key: metrics[f"gtsrb_val_{prefix}{key}"] for key in keys} for prefix in ("", "hidden_"))
    sure, wrong = (
        [f"{percent(one[key], digits)} of the crops" for one in (clean, hidden)]
        for key, digits in (("sure", 1), ("sure_and_wrong", 2))
    )
    nothing = metrics["gtsrb_val_backgrounds"]
    taken = round(metrics["gtsrb_val_backgrounds_sure"] * nothing)
    auroc = metrics["gtsrb_val_novelty_auroc"]
    return table(
        ("", "clean", "hidden"),
        [
            ("accuracy", percent(clean["accuracy"], 2), percent(hidden["accuracy"])),
            ("category right", percent(clean["category_accuracy"], 2), percent(hidden["category_accuracy"])),
            ("expected calibration error", f"{clean['ece']:.3f}", f"{hidden['ece']:.3f}"),
            ("probability of 0.95 or more", *sure),
            ("wrong in spite of that", *wrong),
            ("AUROC of novelty, signs against no sign", "0.999+" if auroc > 0.999 else f"{auroc:.3f}", ""),
            ("no sign, novelty over 0.5", percent(metrics["gtsrb_val_backgrounds_novelty_over_0.5"]), ""),
            ("no sign, probability of 0.95 or more", f"{taken} of {nothing}", ""),
        ],
    )


def unknown() -> str:
    """Return what becomes of signs outside the catalogue and of what is no sign."""
    metrics = read("novelty")["metrics"]
    looks, tracks = metrics["observations"], metrics["tracks"]
    named = {
        "drawings of other signs, single looks": looks["uncatalogued"],
        "the same, tracks of 8 looks": tracks["uncatalogued"],
        "what the detector finds beside the boxes": looks["unboxed"],
        "traffic lights": looks["lights"],
        "backgrounds": looks["background"],
    }
    return table(
        ("unknown", "n", "AUROC", "passed", "published", "published at the default bound"),
        [
            (
                name, f"{one['n']:,}", f"{one['auroc']:.3f}",
                *(percent(one[key]) for key in ("passed_at_95", "published_at_95", "published")),
            )
            for name, one in named.items()
        ],
    )  # fmt: skip


def left_out() -> str:
    """Return what becomes of signs of classes that a network's training left out."""
    found = _left_out()
    whole = found["whole"]["by_class"]
    rows = []
    for name, vision in found["by_class"].items():
        most = max(vision["taken_for"], key=vision["taken_for"].get, default="")
        rows.append(
            (
                spoken(name),
                f"{percent(vision['published'])} of {vision['n']:,}",
                f"{percent(vision['tracks_published'])} of {vision['tracks']}",
                spoken(most),
                f"{percent(whole[name]['published'])} of {whole[name]['n']:,}",
            )
        )
    head = ("left out", "looks, vision alone", "tracks, vision alone", "most as", "looks, whole pipeline")
    return table(head, sorted(rows, key=lambda row: -float(row[1].split()[0])))


def occlusion() -> str:
    """Return what the classifier reads of signs that are partly hidden, by what hides them."""
    rows = []
    for name, effect in _robustness()["occlusion"].items():
        cells = [effect["levels"][step] for step in STEPS]
        rows.append(
            (
                _named(name, effect),
                *(_steps(cells, key, 0) for key in ("accuracy", "category_accuracy")),
                *(_steps(cells, key, 1) for key in ("wrong_over_accept", "published_wrong")),
            )
        )
    steps = shares(map(float, STEPS), 0)
    return table(
        ("occluder", f"right at {steps} %", "category right", "wrong at 0.95 or more", "published wrong"), rows
    )


def behind_plants() -> str:
    """Return what is read behind held-out occluders by the size of the sign in its picture and by what it says."""
    rows = []
    for groups in _robustness()["occlusion_held_out_by_group"].values():
        for name, cells in groups.items():
            chosen = [cells[step] for step in STEPS[1:]]
            rows.append((name, f"{chosen[0]['n']:,}", *(_steps(chosen, key, 1) for key in ("accuracy", "ceiling"))))
    steps = shares(map(float, STEPS[1:]), 0)
    return table(("leaves and branches (held out)", "n", f"right at {steps} %", "ceiling by the drawings"), rows)


def corruption() -> str:
    """Return what the classifier reads in weather, light and dirt that training never showed it."""
    held_out = {name: effect for name, effect in _robustness()["corruption"].items() if effect["held_out"]}
    steps = next(iter(held_out.values()))["levels"]
    return table(
        ("corruption", f"right at severity {' / '.join(steps)}"),
        [(_named(name, one), _steps(one["levels"].values(), "accuracy", 0)) for name, one in held_out.items()],
    )


def wanted() -> str:
    """Return what was measured beside what is wanted."""
    return table(
        ("", "measured", "wanted", "ceiling by the drawings", "command"), [*_single_looks(), *_whole(), *_rest()]
    )


def _single_looks() -> Iterable[Sequence[str]]:
    robustness, clean = _robustness(), read("classification-gtsrb")["metrics"]
    vegetation = [effect["levels"] for effect in robustness["occlusion"].values() if effect["held_out"]]
    right, ceiling = (
        [sum(levels[step][key] for levels in vegetation) / len(vegetation) for step in STEPS[1:]]
        for key in ("accuracy", "ceiling")
    )
    cells = [cell for effect in robustness["occlusion"].values() for cell in effect["levels"].values()]
    wrong, published = ([cell[key] for cell in cells] for key in ("wrong_over_accept", "published_wrong"))
    worn = [
        effect["levels"]["5"]["wrong_over_accept"]
        for effect in robustness["corruption"].values()
        if effect["family"] == "damage"
    ]
    category, corrupted = (
        robustness[key] for key in ("occlusion_held_out_category_accuracy_at_0.5", "corruption_held_out_accuracy_at_3")
    )
    return [
        ("clean, by track", percent(clean["accuracy"], 2), "99.7 %", "", "`evaluate classification`"),
        (
            f"{shares(map(float, STEPS[1:]), 0)} % hidden, held-out leaves and branches",
            f"{shares(right)} %", "95 / 85 / 60 %", f"{shares(ceiling)} %", "`evaluate report` (robustness)",
        ),
        ("category at 50 %", percent(category), "98 %", "", "the same"),
        (
            "cells of occluder and step with more than 1 % wrong at 0.95 or more",
            f"{sum(one > LIMIT for one in wrong)} of {len(cells)}, worst {percent(max(wrong))}; "
            f"published wrong {sum(one > LIMIT for one in published)}, worst {percent(max(published))}",
            "none", "", "the same",
        ),
        (
            "damaged at severity 5, wrong at 0.95 or more",
            f"{shares([min(worn)])} to {percent(max(worn))} by kind", "0.5 %", "", "the same",
        ),
        ("held-out corruptions at severity 3", percent(corrupted), "95 %", "", "the same"),
        (
            "calibration error clean / hidden",
            f"{clean['ece']:.3f} / {robustness['occlusion_ece']:.3f} of all {sum(cell['n'] for cell in cells):,} "
            f"hidden crops together; mean of the {len(cells)} cells {robustness['occlusion_mean_ece']:.3f}, of which "
            f"{robustness['occlusion_mean_ece_by_chance']:.3f} are chance, as a cell has {cells[0]['n']} crops",
            "0.005 / 0.02", "", "the same",
        ),
    ]  # fmt: skip


def _whole() -> Iterable[Sequence[str]]:
    sets = read("fallback")["metrics"]["sets"]
    unmapped, mapped = (
        shares([sets[f"map {kind}, half hidden"]["all"][key] for key in ("right", "wrong")])
        for kind in ("empty", "usual")
    )
    name = "half-hidden approaches published right / wrong, all rungs, no map"
    return [
        (name, f"{unmapped} %", "60 / 0.1 %", "", "`evaluate fallback`"),
        ("with a map of the usual kind", f"{mapped} %", "75 / 0.1 %", "", "the same"),
    ]


def _rest() -> Iterable[Sequence[str]]:
    novelty, without = read("novelty")["metrics"], _left_out()
    drawings = shares([novelty[kind]["uncatalogued"]["published"] for kind in ("observations", "tracks")])
    alone = shares([without[kind]["left_out"]["published"] for kind in ("observations", "tracks")])
    whole = shares([without["whole"][kind]["published"] for kind in ("looks", "tracks")])
    older = read("classify-stage")["sweeps"]["classifier"][1]["metrics"]["stage_ratio_to_first"]["classify"]
    low, high = older["interval_95"]["p50"]
    return [
        (
            "unknown signs published, single looks / tracks", f"{drawings} % of held-back drawings", "3 / 2 %", "",
            "`evaluate novelty`",
        ),
        (
            "classes left out of training published, single looks / tracks",
            f"{alone} % by vision alone; {whole} % through the whole pipeline", "3 / 2 %", "",
            "`evaluate novelty --unseen`",
        ),
        (
            "classify stage of the sample, median of the ratios frame by frame, against the classifier before it told "
            "what is hidden",
            f"{1 / older['p50']:.2f} ({1 / high:.2f} to {1 / low:.2f})", "at most 1.2", "",
            "`git show 2634016:models/classifier.onnx > before.onnx`, `bench sweep --over classifier --against "
            "before.onnx --frames 300` (`benchmarks/results/classify-stage.json`, where the older one takes "
            f"{older['p50']:.2f} of the newer)",
        ),
    ]  # fmt: skip


def _robustness() -> dict[str, Any]:
    metrics: dict[str, Any] = read("quality/quality")["results"]["robustness"]["metrics"]
    return metrics


def _left_out() -> dict[str, Any]:
    (found,) = read("novelty")["metrics"]["left_out"].values()
    return dict(found)


def _named(name: str, effect: dict[str, Any]) -> str:
    return f"{spoken(name)} (held out)" if effect["held_out"] else spoken(name)


def _steps(cells: Iterable[dict[str, Any]], key: str, digits: int) -> str:
    return shares((cell[key] for cell in cells), digits)
