"""`signpipe evaluate robustness`: how the models degrade when signs are hidden, damaged, dark or wet."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.cli.measuring import kept_beside, measured, open_part, tell, with_progress
from signpipe.cli.options import (
    ConfigOption,
    DataOption,
    FormatOption,
    HtmlOption,
    JsonOption,
    MapOption,
    ModelOption,
    ResumeOption,
    SplitOption,
)
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.report import show_examples
from signpipe.html.figures import new_figure
from signpipe.html.page import write_page
from signpipe.lab.data import ClassMap
from signpipe.lab.data.classes import parse_mapping
from signpipe.lab.evaluation.pages.robustness import robustness_sections
from signpipe.lab.evaluation.robustness import SEED, run_robustness
from signpipe.lab.evaluation.scene_suites import run_scenes
from signpipe.settings import load_settings


def robustness(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    suite: Annotated[str, typer.Option(metavar="occlusion|corruption|all", help="What is done to the signs.")] = "all",
    crops: Annotated[int, typer.Option(min=1, help="How many signs are looked at under each condition.")] = 600,
    boxes: Annotated[
        str,
        typer.Option(
            metavar="sign|visible",
            help="Crops are cut around the whole sign, or what can be seen of it: a detector's box lies between.",
        ),
    ] = "sign",
    scenes: Annotated[
        int, typer.Option(min=0, help="How many GTSDB scenes beside --data are put under conditions too; 0 is none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Another one gives other rain and other leaves.")] = SEED,
    model: ModelOption = None,
    preset: PresetOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    resume: ResumeOption = False,
    config: ConfigOption = None,
) -> None:
    """Measure how the classifier degrades: occluders at 0 to 70 % of the sign, corruptions at five severities.

    Beside each number of an occluder stands its ceiling: the share of signs whose visible part still differs from every
    other class's drawing.
    """
    keep = kept_beside(json_file, resume)
    if html is not None:
        new_figure()  # say at once if the extra is missing
    settings = load_settings(config, {"classify.model": model, "detect.model": detector_of(preset)})
    dataset = open_part(data, format, split, ClassMap(parse_mapping(mapping or [])))
    result = with_progress(
        lambda progress: run_robustness(
            dataset,
            settings,
            progress,
            suite=suite,
            crops=crops,
            boxes=boxes,
            seed=seed,
            keep=keep,
            resume=resume,
        )
    )
    metrics = result.summary() | {"boxes": boxes}
    if scenes:
        pictures = open_part(data, "gtsdb", "val", ClassMap(parse_mapping(mapping or [])))
        metrics["on_scenes"] = with_progress(
            lambda progress: run_scenes(pictures, settings, progress, suite=suite, scenes=scenes, seed=seed), "scenes"
        )
    _print_curves(metrics)
    told = measured("robustness", settings.classify.model, "classifier", settings, dataset, split, metrics)
    tell(told, json_file)
    if html is not None:
        sections = robustness_sections(asdict(told), show_examples(settings, result.spoiler))
        write_page(html, "Robustness of the classifier", sections)


def _print_curves(metrics: dict[str, Any]) -> None:
    """Print accuracy by effect and level, beside the ceiling where there is one, and what of whole scenes is found."""
    console = Console()
    for suite in ("occlusion", "corruption"):
        if suite in metrics:
            with_ceiling = suite == "occlusion"
            title = f"accuracy in % under {suite}" + (" / its ceiling" if with_ceiling else "")
            keys = ("accuracy", "ceiling") if with_ceiling else ("accuracy",)
            console.print(_by_level(title, metrics[suite], keys))
        if suite in metrics.get("on_scenes", {}):
            title = f"signs of whole scenes found / read right in % under {suite}"
            console.print(_by_level(title, metrics["on_scenes"][suite], ("detector_recall", "recall")))
    for group in metrics["worst_groups"][:5]:
        text = f"weak on {group['by']} {group['group']}: {group['accuracy']:.3f} of {group['n']} answers"
        console.print(text, highlight=False)


def _by_level(title: str, effects: dict[str, Any], keys: tuple[str, ...]) -> Table:
    """Return some numbers of each effect and level, in per cent."""
    table = Table(title=title)
    table.add_column("effect", no_wrap=True)
    for level in next(iter(effects.values()))["levels"]:
        table.add_column(level, justify="right")
    for name, effect in effects.items():
        texts = [" / ".join(f"{100 * cell[key]:.0f}" for key in keys) for cell in effect["levels"].values()]
        table.add_row(name + (" (held out)" if effect["held_out"] else ""), *texts)
    return table
