"""The quality report: what a reviewer needs to decide whether the models may be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from signpipe.html.figures import png, thumbnail
from signpipe.html.page import Html, Section, figure, folded, grid, join, paragraph, table, verdict
from signpipe.lab.evaluation.budgets import Judged
from signpipe.lab.evaluation.examples import Example
from signpipe.lab.evaluation.pages import plots
from signpipe.lab.evaluation.pages.fallback import fallback_sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Mapping[str, Mapping[str, Any]]

# Task, name of the figure, what draws it, and its caption.
FIGURES = (
    ("robustness", "occlusion", plots.occlusion_curves,
     "Accuracy over the hidden share of the sign. The dotted ceiling is the share of signs whose visible part still "
     "differs from every other class's drawing: what lies over it could not be known."),
    ("robustness", "corruption", plots.corruption_map, "Accuracy in per cent under each corruption, by severity."),
    ("classification", "reliability", plots.reliability_diagram, "How often the classifier is right, over how sure."),
    ("risk", "risk", plots.risk_curve, "Of the signs that one observation would publish, how many are wrong."),
    ("streaming", "streaming", plots.streaming_curves, "Single frames against the fused track, with frames dropped."),
    ("detection", "recall", plots.recall_by_size, "Recall of the detector by the size of the sign."),
)  # fmt: skip
CELL_COLUMNS = ("accuracy", "ceiling", "category_accuracy", "ece", "published_right", "uncertain", "published_wrong",
                "wrong_over_accept", "n")  # fmt: skip
NOT_TESTED = (
    "Other countries: classes, camera and drives are those of the data sets named above. Real rain, snow, night, dirt "
    "and leaves: the conditions are simulated, and a simulation shows what it was made to show. Two or more conditions "
    "at once. Attacks on purpose. Distances, speeds and the advice to a driver, which rendered drives are for."
)


def draw_figures(results: Results, other: Results | None = None) -> dict[str, tuple[str, Figure]]:
    """Return the figures that the results allow, as name -> caption and figure.

    Raises:
        ExtraMissingError: The extra "report" isn't installed.
    """
    drawn = {}
    for task, name, draw, caption in FIGURES:
        metrics = results.get(task, {}).get("metrics", {})
        if name in ("occlusion", "corruption") and name not in metrics:
            continue
        if not metrics:
            continue
        if name == "occlusion":
            drawn[name] = caption, plots.occlusion_curves(metrics, (other or {}).get(task, {}).get("metrics"))
        else:
            drawn[name] = caption, draw(metrics)
    return drawn


def quality_sections(
    results: Results,
    judged: Sequence[Judged],
    pictures: Mapping[str, tuple[str, bytes]],
    examples: Sequence[Example],
    other: Results | None = None,
) -> list[Section]:
    """Return the parts of the report.

    Args:
        results: What was measured, by task.
        judged: The budgets.
        pictures: Figures as name -> caption and PNG.
        examples: Successes and failures; none leaves their part out.
        other: The results of another model or commit to put beside, or None.
    """
    sections = [Section("Summary", _summary(judged, other is not None))]
    if other is not None:
        sections.append(Section("Side by side", _beside(results, other)))
    sections += [
        Section(name.capitalize(), join(figure(content, caption), *_details(name, results)))
        for name, (caption, content) in pictures.items()
    ]
    on_scenes = results.get("robustness", {}).get("metrics", {}).get("on_scenes")
    if on_scenes:
        sections.append(Section("On scenes", _on_scenes(on_scenes)))
    sections += fallback_sections(results)
    if "faults" in results:
        sections.append(Section("Faults of the service", _faults(results["faults"]["metrics"])))
    if examples:
        sections.append(Section("Examples", _examples(examples)))
    sections.append(Section("All numbers", _numbers(results)))
    sections.append(Section("What was tested", _tested(results)))
    sections.append(Section("What was not tested", paragraph(NOT_TESTED)))
    return sections


def encode(drawn: Mapping[str, tuple[str, Figure]]) -> dict[str, tuple[str, bytes]]:
    """Return drawn figures as PNG."""
    return {name: (caption, png(one)) for name, (caption, one) in drawn.items()}


def _summary(judged: Sequence[Judged], compared: bool) -> Html:
    missed = sum(one.passed is False for one in judged)
    unknown = sum(one.passed is None for one in judged)
    kept = len(judged) - missed - unknown
    text = f"{kept} of {len(judged)} budgets are kept, {missed} are missed, {unknown} were not measured."
    rows = [
        (one.budget.title, one.budget.bound, one.value, one.count, verdict(one.passed)) for one in judged
    ]  # fmt: skip
    note = " A second set of results stands beside them below." if compared else ""
    return join(paragraph(text + note), table(("what", "budget", "measured", "n", ""), rows))


def _beside(results: Results, other: Results) -> Html:
    rows = []
    for task, result in results.items():
        theirs = other.get(task, {}).get("metrics", {})
        for name, value in result["metrics"].items():
            if isinstance(value, float) and isinstance(theirs.get(name), int | float):
                rows.append((task, name, value, float(theirs[name]), f"{value - theirs[name]:+.4f}"))
    models = [
        (task, which, one[task].get("model"), one[task].get("sha256"), one[task].get("data"))
        for task in results if task in other
        for which, one in (("this", results), ("other", other))
    ]  # fmt: skip
    return join(
        table(("task", "", "model", "sha256", "data"), models),
        table(("task", "metric", "this", "other", "difference"), rows),
    )


def _details(name: str, results: Results) -> list[Html]:
    """Return the tables that belong to a figure."""
    if name == "occlusion":
        metrics = results["robustness"]["metrics"]
        rows = [
            (effect, hidden, *(cell[key] for key in CELL_COLUMNS))
            for effect, entry in metrics["occlusion"].items() for hidden, cell in entry["levels"].items()
        ]  # fmt: skip
        header = ("occluder", "hidden", "accuracy", "ceiling", "category", "ECE", "published right", "uncertain",
                  "published wrong", "wrong over accept", "n")  # fmt: skip
        behind = [
            (group, hidden, *(cell[key] for key in CELL_COLUMNS))
            for groups in metrics.get("occlusion_held_out_by_group", {}).values()  # not of older runs, shown again
            for group, cells in groups.items() for hidden, cell in cells.items()
        ]  # fmt: skip
        groups = [(g["by"], g["group"], g["accuracy"], g["signs"], g["n"]) for g in metrics["worst_groups"]]
        return [
            paragraph("The groups that suffer most, over all conditions of middling strength:"),
            table(("by", "group", "accuracy", "signs", "answers"), groups),
            folded("All occluders and steps", table(header, rows)),
            folded(
                "Held-out occluders, by the size of the sign and by what it says",
                table(("group", *header[1:]), behind),
            ),
        ]
    if name == "reliability":
        metrics = results["classification"]["metrics"]
        mistakes = [(m["true"], m["predicted"], m["n"]) for m in metrics["confusions"]]
        limits = metrics["limits"]
        text = (
            f"Of {limits['n']} speed limits {100 * limits['read_as_another']:.2f} % were read as another one "
            f"(95 % interval {100 * limits['interval_95'][0]:.2f} to {100 * limits['interval_95'][1]:.2f} %)."
        )
        return [paragraph(text), table(("true", "read as", "times"), mistakes)]
    return []


def _examples(examples: Sequence[Example]) -> Html:
    parts = []
    for condition in dict.fromkeys(example.condition for example in examples):
        chosen = [example for example in examples if example.condition == condition]
        name = f"{condition.effect}, " + (
            f"{100 * condition.level:.0f} % hidden"
            if condition.suite == "occlusion"
            else f"severity {condition.level:g}"
        )
        parts.append(paragraph(name + (" (held out)" if condition.held_out else "")))
        parts.append(grid((thumbnail(e.image), _caption(e)) for e in chosen))
    return join(*parts)


def _on_scenes(metrics: Mapping[str, Any]) -> Html:
    """Return the table of the whole pipeline on scenes under conditions."""
    keys = ("detector_recall", "precision", "recall", "f1")
    rows = [("clean", "", *(metrics["clean"][key] for key in keys))]
    for suite in ("occlusion", "corruption"):
        for effect, entry in metrics.get(suite, {}).items():
            name = effect + (" (held out)" if entry["held_out"] else "")
            rows += [(name, level, *(cell[key] for key in keys)) for level, cell in entry["levels"].items()]
    text = (
        f"The whole pipeline on {metrics['scenes']} scenes, each picture by itself, with every sign hidden or the "
        f"scene corrupted: what share of {metrics['clean']['n']['recall']} signs is found, and read right."
    )
    header = ("condition", "hidden or severity", "found", "precision", "recall", "F1")
    return join(paragraph(text), folded("All conditions", table(header, rows)))


def _faults(metrics: Mapping[str, Any]) -> Html:
    """Return what was done to `signpipe serve`, and what was seen."""
    return table(("what was run", "what was seen"), [(row["run"], row["seen"]) for row in metrics["rows"]])


def _caption(example: Example) -> str:
    if example.right:
        return f"right: {example.true} at {example.confidence:.2f}"
    return f"WRONG: {example.true} read as {example.read} at {example.confidence:.2f}"


def _numbers(results: Results) -> Html:
    rows = [
        (task, name, value, result["metrics"].get("n", {}).get(name))
        for task, result in results.items()
        for name, value in result["metrics"].items()
        if isinstance(value, int | float)
    ]
    return table(("task", "metric", "value", "n"), rows)


def _tested(results: Results) -> Html:
    rows = [
        (task, result["model"], result["sha256"], result["data"], result["pictures"], result["data_digest"])
        for task, result in results.items()
    ]
    return table(("task", "model", "sha256", "data", "pictures", "data digest"), rows)
