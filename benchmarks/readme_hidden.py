"""What README.md says of hidden signs, approaches and scenes, from the committed results; see benchmarks/readme.py."""

from __future__ import annotations

from typing import Any

from benchmarks.readme_service import read
from benchmarks.readme_tables import percent


def boxed_by_what_shows() -> tuple[str, str, str]:
    """Return what becomes of hidden signs where a detector's box goes around what can be seen of them alone."""
    metrics, key = read("robustness-visible")["metrics"], "occlusion_held_out_accuracy_at_0.5"
    cells = [
        (cell["published_wrong"], name, level)
        for name, effect in metrics["occlusion"].items()
        for level, cell in effect["levels"].items()
    ]
    wrong, name, level = max(cells)
    return (
        "50 % hidden by leaves or branches, the box around the rest",
        f"class right {percent(metrics[key])}; published wrong in the worst cell "
        f"{percent(wrong)} ({name.replace('_', ' ')}, {percent(float(level), 0)})",
        f"{metrics['n'][key]} single crops; {len(cells)} cells of {metrics['clean']['n']}",
    )


def found_on_scenes() -> tuple[str, str, str]:
    """Return what share of the hidden signs of whole scenes the detector finds."""

    def shares(scenes: dict[str, Any]) -> dict[str, float]:
        held_out = [effect["levels"] for effect in scenes["occlusion"].values() if effect["held_out"]]
        return {
            level: sum(levels[level]["detector_recall"] for levels in held_out) / len(held_out) for level in held_out[0]
        }

    scenes = read("robustness-scenes")["metrics"]["on_scenes"]
    before = shares(read("robustness-scenes-before")["metrics"]["on_scenes"])
    return (
        "Hidden by leaves or branches, found by the detector (by the one before, which never saw hidden signs)",
        ", ".join(
            f"{percent(share)} ({percent(before[level])}) at {percent(float(level), 0)}"
            for level, share in shares(scenes).items()
        ),
        f"{scenes['clean']['n']['detector_recall']} signs in {scenes['scenes']} scenes of GTSDB validation; occluders "
        "that training never saw",
    )


def driven_up_to() -> tuple[str, str, str]:
    """Return what becomes of half-hidden signs over an approach, with a map and without."""
    sets = read("fallback")["metrics"]["sets"]
    alone, mapped = (sets[f"map {kind}, half hidden"]["all"] for kind in ("empty", "usual"))
    return (
        "Driven up to, half hidden by leaves in each look: published right / wrong",
        f"{percent(alone['right'])} / {percent(alone['wrong'])} without a map, "
        f"{percent(mapped['right'])} / {percent(mapped['wrong'])} with one of the usual kind",
        f"{alone['n']} approaches, GTSRB validation; of ten places the map leaves one out and has another sign at one",
    )


def quality_rows() -> list[tuple[str, str, str]]:
    """Return what the quality report says of hidden signs, approaches and whole scenes."""
    results = {task: result["metrics"] for task, result in read("quality/quality")["results"].items()}
    robustness, streaming, pipeline = results["robustness"], results["streaming"], results["pipeline"]
    rows = []
    for hidden in ("0.3", "0.5"):
        key = f"occlusion_held_out_{{}}_at_{hidden}"
        rows.append(
            (
                f"{percent(float(hidden), 0)} of the sign hidden by leaves or branches",
                f"class right {percent(robustness[key.format('accuracy')])} (ceiling "
                f"{percent(robustness[key.format('ceiling')])}), category "
                f"{percent(robustness[key.format('category_accuracy')])}",
                f"{robustness['n'][key.format('accuracy')]} single crops; occluders that training never saw",
            )
        )
    rows += [boxed_by_what_shows(), found_on_scenes(), driven_up_to()]
    rows += [
        (
            "Fused over an approach",
            f"class at the end right on {percent(streaming['final_accuracy'])}, a wrong one ever published on "
            f"{percent(streaming['ever_wrong_published'])}; the likeliest class changes "
            f"{streaming['fused_changes_per_track']:.2f} times, "
            f"{streaming['single_changes_per_track']:.2f} frame by frame",
            f"{streaming['tracks']} real approaches, GTSRB validation",
        ),
        (
            "Right box and right class, one picture each",
            f"precision {percent(pipeline['precision'])}, recall {percent(pipeline['recall'])}, "
            f"F1 {pipeline['f1']:.3f}",
            f"{pipeline['n']['recall']} signs, GTSDB validation",
        ),
    ]
    return rows
