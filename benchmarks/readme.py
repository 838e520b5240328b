"""Writes the numbers of README.md, of the classifier's card and of some documents from the committed result files.

    python benchmarks/readme.py            # rewrite what stands between the markers
    python benchmarks/readme.py --check    # exit code 1 if it isn't what the result files say

The result files come from `make results`, on the data sets that docs/how-to/data.md describes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.readme_card import behind_plants, corruption, judged, left_out, occlusion, unknown, wanted  # noqa: E402
from benchmarks.readme_fleet import accuracy, map_rows, peers_of_batch, ranges  # noqa: E402
from benchmarks.readme_hidden import quality_rows  # noqa: E402
from benchmarks.readme_reference import approaches, drawn_figures, parallax, published_figures  # noqa: E402
from benchmarks.readme_service import RESULTS, drift_table, endurance, read, service_rows  # noqa: E402
from benchmarks.readme_tables import percent, table  # noqa: E402
from benchmarks.readme_tracking import real_approaches, tracking_rows, whole_scenes  # noqa: E402

MARKED = re.compile(r"(<!-- (\w+): benchmarks/readme.py -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def numbers() -> str:
    """Return the table and what it was measured on, as Markdown."""
    parts = (speed_rows, model_rows, quality_rows, world_rows, tracking_rows, drive_rows, map_rows, service_rows)
    rows = [row for part in parts for row in part()]
    return table(("what", "measured", "on"), rows)


def speed_rows() -> list[tuple[str, str, str]]:
    """Return how fast the pipeline is, alone and beside the fastest peer, and the memory that it takes."""
    bench, soak = read("bench"), read("soak")["scenarios"]["soak"]["metrics"]
    single, machine, memory = bench["scenarios"]["single"]["metrics"], bench["machine"], soak["drift"]["memory_mb"]
    latency, crowds = single["latency_ms"], single["overhead_ratio_by_signs"]
    return [
        (
            "Speed, 1280x720 file to advisories",
            f"{single['fps']:.1f} frames/s; latency p50 {latency['p50']:.1f} ms, p90 {latency['p90']:.1f} ms, "
            f"p99 {latency['p99']:.1f} ms",
            f"{latency['n']} frames, {machine['cores']} cores of {machine['cpu']}",
        ),
        (
            "Overhead: a whole frame over its model runs",
            f"{single['overhead_ratio']:.3f} (95 % interval {bounded(single['overhead_ratio_interval_95'])}); "
            + ", ".join(f"{crowd['p50']:.3f} with {signs} signs" for signs, crowd in crowds.items()),
            f"median of {latency['n']} frames, waiting for the decoder included",
        ),
        *peer_rows(),
        (
            "Memory",
            f"peak {soak['peak_memory_mb']:.0f} MB; {memory['early']:.0f} MB early, {memory['late']:.0f} MB late",
            f"{soak['frames']} frames",
        ),
    ]


def model_rows() -> list[tuple[str, str, str]]:
    """Return how good the detectors and the classifier are, each by itself."""
    detection, other = read("detection-gtsdb")["metrics"], read("detection-sy32")["metrics"]
    accurate = read("detection-gtsdb-accurate")["metrics"]
    classification = read("classification-gtsrb")["metrics"]
    hard, abroad = classification["real_hard"]["all"], read("classification-btsd")["metrics"]
    low, high = (percent(bound, 2) for bound in classification["accuracy_interval_95"])
    return [
        (
            "Detector, AP50 / AP50-95",
            f"{detection['ap50']:.3f} / {detection['ap50_95']:.3f}",
            f"{detection['signs']} signs in {detection['scenes']} scenes, GTSDB validation",
        ),
        (
            "Detector, recall and false alarms",
            f"{percent(detection['recall'])} at {detection['false_alarms_per_scene']:.2f} a picture "
            f"({percent(detection['recall_at_0.1_fppi'])} at 0.1)",
            "the same, single pictures",
        ),
        (
            "Detector, recall in another country",
            percent(other["recall"]),
            f"{other['signs']} signs, French phone pictures; their training part was trained on",
        ),
        (
            "Detector `accurate` (for GPUs), AP50 / AP50-95",
            f"{accurate['ap50']:.3f} / {accurate['ap50_95']:.3f}",
            f"{accurate['signs']} signs in {accurate['scenes']} scenes, GTSDB validation, float32",
        ),
        (
            "Classifier, accuracy",
            f"{percent(classification['accuracy'], 2)} (95 % interval {low} to {high})",
            f"{classification['n']['accuracy']} crops of unseen tracks, GTSRB validation",
        ),
        (
            "Classifier, wrong although sure",
            f"{percent(classification['sure_and_wrong'], 2)} of all; {percent(classification['sure'])} are sure",
            "single crops, before fusion over the track",
        ),
        ("Classifier, calibration error", f"{classification['ece']:.4f}", "the same"),
        (
            "Classifier in another country",
            f"{percent(abroad['accuracy'])} right (95 % interval from {percent(abroad['accuracy_interval_95'][0])}); "
            f"{percent(abroad['sure'])} are sure, {percent(abroad['sure_and_wrong'])} sure and wrong",
            f"{abroad['n']['accuracy']} boxed Belgian signs of the 43 classes, streets held back",
        ),
        (
            "Really hard signs: dark, overexposed, blurred, faded, stickered",
            f"{percent(hard['accuracy'])} right; {percent(hard['sure_and_wrong'])} sure and wrong",
            f"{hard['n']} single crops of {hard['tracks']} tracks, chosen by eye from GTSRB validation",
        ),
    ]


def world_rows() -> list[tuple[str, str, str]]:
    """Return how well the signs of another country are named, figures read, and a country's rules applied."""
    country = read("country-be")["metrics"]
    drawn, photographed = country["drawings"], country["photographs"]
    figures, rules = read("figures")["metrics"], read("rules")["metrics"]["kinds"]
    lowest = min(rules.values(), key=lambda kind: float(kind["right"]))
    every, usual = read("detection-btsd-world")["metrics"], read("detection-btsd")["metrics"]
    known = read("detection-gtsdb-world")["metrics"]
    return [
        (
            "Detector `world` (for other countries), AP50",
            f"{every['ap50']:.3f} of Belgian signs of every kind (`fast`: {usual['ap50']:.3f}); {known['ap50']:.3f} on "
            "GTSDB validation",
            f"{every['signs']} signs in {every['scenes']} scenes, places held back",
        ),
        (
            "Belgian signs named right, one look, 32 px and more",
            f"{percent(drawn['naming']['btsd']['share'])} from drawings alone, "
            f"{percent(photographed['naming']['btsd']['share'])} with photographs as prototypes",
            f"{drawn['naming']['btsd']['n']} signs of streets held back",
        ),
        (
            "Published abroad as what it isn't, one look",
            f"{percent(drawn['publishing']['wrong']['share'])} from drawings, "
            f"{percent(photographed['publishing']['wrong']['share'])} with photographs",
            f"{drawn['publishing']['wrong']['n']} and {photographed['publishing']['wrong']['n']} publications",
        ),
        (
            "Wheels, lamps, lattices and the like published as a sign",
            percent(drawn["clutter"]["share"], 2),
            f"{drawn['clutter']['n']} squares of pictures without signs there",
        ),
        (
            "Limits in eight other typefaces, published right / wrong",
            f"{percent(figures['limits_published_right'])} / {percent(figures['limits_published_wrong'])}",
            f"{figures['n']['limits_published_right']} drawn crops of 24 px and more",
        ),
        (
            "Figures outside the 43 read right / wrong",
            f"{percent(figures['others_read_right'])} / {percent(figures['others_read_wrong'])}",
            f"{figures['n']['others_read_right']} limits of 5, 15, 40, 90, 110, 130, drawn and photographed",
        ),
        (
            "Limits with conditions, in towns, on motorways: right advisory",
            f"{percent(lowest['right'])} or more of the places, by kind; higher than the truth on "
            f"{percent(max(float(kind['higher']) for kind in rules.values()))}",
            f"{len(rules)} kinds of {lowest['scenes']} simulated drives, boxes and classes given",
        ),
    ]


def drive_rows() -> list[tuple[str, str, str]]:
    """Return how often the right limit is told on simulated roads, in clear weather and in all."""
    if not (RESULTS / "drive.json").exists():
        return []
    drive = read("drive")["metrics"]["open"]
    rows = []
    dark = sum(cell["km"] for name, cell in drive.items() if name in ("night", "night rain"))
    for name, title in (("clear", "clear weather"), ("all", "all weathers")):
        cell = drive[name]
        conditions = "" if name == "clear" else f", {dark:.0f} km of them dark"
        distance, event = cell["by_distance"], cell["by_event"]
        rows.append(
            (
                f"Limit told right, simulated roads, {title}",
                f"{percent(distance['right'])} by distance (wrong {percent(distance['wrong'])}), "
                f"{percent(event['right'])} by event",
                f"{cell['km']:.0f} km{conditions}, {cell['events']} changes of limit, `--preset world`; wrong mostly "
                "where a sign wasn't found or read ([simulation](docs/simulation.md))",
            )
        )
    return rows


def witnesses() -> str:
    """Return what each witness wins, as Markdown."""
    sets = read("fallback")["metrics"]["sets"]
    main = {name: cells for name, cells in sets.items() if not name.startswith("map ")}
    maps = {
        name: {column: cells[column] for column in ("vision", "map", "all")}
        for name, cells in sets.items()
        if name.startswith("map ") and name.endswith("half hidden")
    }
    return _witness_table(main) + "\n" + _witness_table(maps)


def _witness_table(sets: dict[str, dict[str, Any]]) -> str:
    columns = list(next(iter(sets.values())))
    rows = []
    for name, cells in sets.items():
        shares = [f"{100 * cells[column]['right']:.1f} / {100 * cells[column]['wrong']:.2f}" for column in columns]
        rows.append([name, *shares, str(cells[columns[0]]["n"])])
    return table(("approaches", *columns, "n"), rows, right=len(columns) + 1)


def bounded(interval: list[float]) -> str:
    """Return the bounds of an interval."""
    return " to ".join(f"{bound:.3f}" for bound in interval)


def fastest_peer() -> tuple[dict[str, Any], str, dict[str, Any]] | None:
    """Return our numbers, and name and numbers of the fastest peer, or None if they weren't compared."""
    if not (RESULTS / "peers.json").exists():
        return None
    peers = {name: peer["metrics"] for name, peer in read("peers")["peers"].items()}
    ours = peers.pop("signpipe")
    others = {name: metrics for name, metrics in peers.items() if not name.startswith("floor")}
    name, fastest = max(others.items(), key=lambda item: float(item[1]["fps"]))
    return ours, name, fastest


def peer_rows() -> list[tuple[str, str, str]]:
    """Return the comparison with the fastest peer, if it was made."""
    compared = fastest_peer()
    if compared is None:
        return []
    ours, name, fastest = compared
    return [
        (
            "Frames/s against the fastest peer",
            f"{ours['fps'] / fastest['fps']:.2f} times those of {name}; recall {percent(ours['recall'])} against "
            f"{percent(fastest['recall'])}",
            f"{ours['frames_from_file']} frames from the file, the same detector "
            "([peers](docs/reference/bench.md#peers))",
        )
    ]


def budgets() -> str:
    """Return the budgets for 2 cores at 1280x720, and whether they are met, as Markdown."""
    single = read("bench")["scenarios"]["single"]["metrics"]
    crowds = [crowd["p50"] for signs, crowd in single["overhead_ratio_by_signs"].items() if signs in ("0", "1-4")]
    rows = [
        ("frames/s from the file, at least 30", f"{single['fps']:.1f}", single["fps"] >= 30),
        ("overhead ratio with 0 to 4 signs, at most 1.10", f"{max(crowds):.3f}", max(crowds) <= 1.10),
    ]
    if (RESULTS / "sweeps.json").exists() and "signs" in (sweeps := read("sweeps")["sweeps"]):
        latency = {point["value"]: point["metrics"]["ratio_to_first"]["p50"] for point in sweeps["signs"]}
        cost = latency[32] / latency[1]
        rows.append(("time of a frame with 32 signs over one with 1, at most 1.6", f"{cost:.2f}", cost <= 1.6))
    if (compared := fastest_peer()) is not None:
        ours, name, fastest = compared
        ratio, better = ours["fps"] / fastest["fps"], ours["recall"] >= fastest["recall"]
        recalls = f"recall {ours['recall']:.3f} against {fastest['recall']:.3f}"
        rows.append(
            ("frames/s over the fastest peer's, at least 2 at no lower recall", f"{ratio:.2f} ({name}; {recalls})",
             ratio >= 2 and better)
        )  # fmt: skip
    return table(
        ("budget", "measured", ""),
        [(budget, measured, "met" if met else "**missed**") for budget, measured, met in rows],
    )


# What stands between the markers of each file.
FILES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"numbers": numbers, "witnesses": witnesses},
    "docs/reference/bench.md": {"numbers": budgets},
    "docs/tracking.md": {"scenes": whole_scenes, "approaches": real_approaches},
    "docs/mapping.md": {"accuracy": accuracy, "ranges": ranges},
    "docs/scale.md": {"peers": peers_of_batch},
    "docs/serving.md": {"endurance": endurance},
    "docs/drift.md": {"drift": drift_table},
    "docs/reference/fallback.md": {"approaches": approaches},
    "docs/reference/evaluation.md": {"parallax": parallax},
    "docs/reference/figures.md": {"drawn": drawn_figures, "published": published_figures},
    "models/classifier.md": {
        "judged": judged,
        "unknown": unknown,
        "left_out": left_out,
        "occlusion": occlusion,
        "behind_plants": behind_plants,
        "corruption": corruption,
        "wanted": wanted,
    },
}


def main() -> None:
    """Rewrite or check the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something would change")
    check = parser.parse_args().check
    for name, parts in FILES.items():
        path = ROOT / name
        old = path.read_text(encoding="utf-8")
        if missing := parts.keys() - {found[2] for found in MARKED.finditer(old)}:
            sys.exit(f"{name} has no place for {', '.join(sorted(missing))}: put the two markers there")
        new = MARKED.sub(lambda found: found[1] + parts[found[2]]() + found[3], old)  # noqa: B023  # used at once
        if check and new != old:
            sys.exit(f"{name} doesn't show what the result files say: run  python benchmarks/readme.py")
        if not check:
            path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
