"""`signpipe evaluate report`: everything measured, as one page for a reviewer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from signpipe.catalogue import load_catalogue
from signpipe.cli.measuring import measured, open_part, with_progress, write_json
from signpipe.cli.options import ClassifierOption, ConfigOption, DataOption, DetectorOption, SplitOption
from signpipe.errors import OutputError, SettingsError
from signpipe.html.figures import new_figure
from signpipe.html.page import write_page
from signpipe.lab.data import FORMATS, ClassMap, Dataset
from signpipe.lab.evaluation.budgets import BUDGETS, Judged, judge, load_budgets
from signpipe.lab.evaluation.conditions import Spoiler
from signpipe.lab.evaluation.examples import Example, drawing_sample, find_examples
from signpipe.lab.evaluation.metric import Metric, find_metric
from signpipe.lab.evaluation.observations import Observer
from signpipe.lab.evaluation.pages.quality import draw_figures, encode, quality_sections
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.evaluation.robustness import SEED, run_robustness
from signpipe.lab.evaluation.run import evaluate_classifier, evaluate_detector, evaluate_risk
from signpipe.lab.evaluation.scene_suites import run_scenes
from signpipe.lab.evaluation.scenes import evaluate_pipeline
from signpipe.lab.evaluation.streaming import evaluate_streaming
from signpipe.runtime.machine import describe_machine
from signpipe.runtime.session import open_session
from signpipe.settings import Settings, load_settings
from signpipe.version import VERSION

SCHEMA = 1
NAME = "quality"
Role = Literal["detector", "classifier"]
Task = tuple[str, Role, Dataset, Metric]


def report(
    out: Annotated[Path, typer.Option(help="Folder for quality.html, quality.json and the figures.")],
    data: DataOption = None,
    split: SplitOption = "val",
    crops_format: Annotated[str, typer.Option(metavar="|".join(FORMATS), help="Format of the signs.")] = "gtsrb",
    scenes_format: Annotated[str, typer.Option(metavar="|".join(FORMATS), help="Format of the scenes.")] = "gtsdb",
    crops: Annotated[int, typer.Option(min=1, help="Signs looked at under each condition.")] = 600,
    scene_count: Annotated[
        int, typer.Option("--scenes", min=0, help="Scenes that are put under each condition too; 0 is none.")
    ] = 24,
    examples: Annotated[
        str, typer.Option(metavar="photographs|drawings|none", help="What the examples show.")
    ] = "photographs",
    detector: DetectorOption = None,
    classifier: ClassifierOption = None,
    own: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="MODULE:FUNCTION", help="Measure one of your own too; may be repeated."),
    ] = None,
    budgets: Annotated[Path | None, typer.Option(help="TOML file of budgets, else the shipped ones.")] = None,
    compare: Annotated[Path | None, typer.Option(help="Results to put beside: quality.json, or one task's.")] = None,
    include: Annotated[
        list[Path] | None,
        typer.Option(
            help="Results of `evaluate fallback`, `publishing`, `novelty` or of the service's faults; may be repeated."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted report in the folder.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Measure nothing: write the page anew from the folder's quality.json.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Measure everything and write one self-contained page for a reviewer, with its numbers and figures.

    The page holds pass or fail of each budget, curves of accuracy over the hidden share of a sign, a heat map of
    corruptions, examples of successes and failures, and what was tested on what, and what wasn't.
    """
    if examples not in ("photographs", "drawings", "none"):
        raise SettingsError(f"--examples can't be '{examples}'; choose photographs, drawings or none.")
    new_figure()  # say at once if the extra is missing
    settings = load_settings(config, {"detect.model": detector, "classify.model": classifier})
    limits = load_budgets(budgets or BUDGETS)
    metrics = [(where.rpartition(":")[2], find_metric(where)) for where in own or ()]
    other = read_results(compare) if compare else None
    included = {task: result for path in include or () for task, result in read_results(path).items()}
    if again:
        if examples == "photographs":
            raise SettingsError("--again has no photographs at hand; choose --examples drawings or none.")
        results = read_results(out / f"{NAME}.json")
        shown = show_examples(settings, None) if examples == "drawings" else []
    else:
        signs = open_part(data, crops_format, split, ClassMap())
        scenes = open_part(data, scenes_format, split, ClassMap())
        boxes = open_part(data, scenes_format, split, ClassMap(one_class=True))
        plan = _plan(signs, scenes, boxes, metrics)
        results, shown = _measure(plan, signs, scenes, settings, split, crops, scene_count, out, resume, examples)
    results |= included
    judged = judge(limits, results)
    _write(out, results, judged, shown, other)
    _tell(judged, out)


def read_results(path: Path) -> dict[str, Any]:
    """Return the results of another report, or of one task, by task.

    Raises:
        SettingsError: The file is no such result, or one of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if "task" in content:
            return {content["task"]: content}
        schema, results = content["schema"], content["results"]
    except OSError as error:
        raise SettingsError(f"The results {path} can't be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{path} holds no results of `signpipe evaluate report`; give its quality.json.") from None
    if schema != SCHEMA:
        raise SettingsError(
            f"The results {path} have schema {schema}, but this signpipe compares {SCHEMA}; make them again."
        )
    return dict(results)


def _plan(signs: Dataset, scenes: Dataset, boxes: Dataset, own: list[tuple[str, Metric]]) -> list[Task]:
    """Return what is measured with which model on what: the package's metrics, then those given from outside.

    Raises:
        SettingsError: A metric from outside has the name of another.
    """
    plan: list[Task] = [
        ("classification", "classifier", signs, evaluate_classifier),
        ("risk", "classifier", signs, evaluate_risk),
        ("detection", "detector", boxes, evaluate_detector),
        ("pipeline", "classifier", scenes, evaluate_pipeline),
    ]
    if any(image.track for image in signs):
        plan.append(("streaming", "classifier", signs, evaluate_streaming))
    for name, metric in own:
        if name in (*(task for task, *_ in plan), "streaming", "robustness"):
            raise SettingsError(f"The report has a metric '{name}' already; give yours another name.")
        plan.append((name, "classifier", signs, metric))
    return plan


def _measure(
    plan: list[Task],
    signs: Dataset,
    scenes: Dataset,
    settings: Settings,
    split: str,
    crops: int,
    scene_count: int,
    out: Path,
    resume: bool,
    examples: str,
) -> tuple[dict[str, Any], list[Example]]:
    """Run every task, or take over what an interrupted run has finished."""
    identity = {
        "version": VERSION, "settings": settings.model_dump_json(exclude={"output"}), "crops": crops,
        "scene_count": scene_count, "signs": signs.digest(), "scenes": scenes.digest(), "split": split,
    }  # fmt: skip
    finished = Resume(out / f"{NAME}.json.part", identity, resume)
    results: dict[str, Any] = {}
    for task, role, dataset, evaluate in plan:
        results[task] = finished.get(task)
        if results[task] is None:
            metrics = with_progress(lambda tell, e=evaluate, d=dataset: e(d, settings, tell), task)  # type: ignore[misc]
            model = settings.detect.model if role == "detector" else settings.classify.model
            results[task] = asdict(measured(task, model, role, settings, dataset, split, metrics))
            finished.put(task, results[task])
    on_scenes = finished.get("on_scenes")
    if scene_count and on_scenes is None:
        on_scenes = with_progress(
            lambda tell: run_scenes(scenes, settings, tell, suite="all", scenes=scene_count, seed=SEED), "scenes"
        )
        finished.put("on_scenes", on_scenes)
    keep = out / "robustness.json.part"
    found = with_progress(
        lambda tell: run_robustness(signs, settings, tell, crops=crops, seed=SEED, keep=keep, resume=resume),
        "robustness",
    )
    summary = found.summary()
    if on_scenes is not None:
        summary["on_scenes"] = on_scenes
    results["robustness"] = asdict(
        measured("robustness", settings.classify.model, "classifier", settings, signs, split, summary)
    )
    spoiler = None if examples == "drawings" else found.spoiler
    shown = show_examples(settings, spoiler) if examples != "none" else []
    finished.finish()
    return results, shown


def show_examples(settings: Settings, spoiler: Spoiler | None) -> list[Example]:
    """Return examples of successes and failures, of the photographs that were measured or (None) of drawings.

    Raises:
        ModelError: The classifier can't be used.
    """
    catalogue = load_catalogue()
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    if spoiler is None:
        size, margin = int(session.entry.input.shape[1]), session.entry.margin
        spoiler = Spoiler(drawing_sample(catalogue, size, margin), catalogue, margin, SEED)
    return find_examples(spoiler, Observer(session, catalogue), catalogue)


def _write(
    out: Path, results: dict[str, Any], judged: list[Judged], shown: list[Example], other: dict[str, Any] | None
) -> None:
    machine = asdict(describe_machine())
    budgets = [
        {"title": one.budget.title, "metric": one.budget.metric, "bound": one.budget.bound, "value": one.value,
         "n": one.count, "passed": one.passed}
        for one in judged
    ]  # fmt: skip
    write_json(
        out / f"{NAME}.json",
        {"schema": SCHEMA, "machine": machine, "budgets": budgets, "results": results},
    )
    pictures = encode(draw_figures(results, other))
    try:
        (out / "figures").mkdir(exist_ok=True)
        for name, (_, content) in pictures.items():
            (out / "figures" / f"{name}.png").write_bytes(content)
    except OSError as error:
        raise OutputError(f"The figures in {out} can't be written: {error.strerror}.") from None
    note = f"signpipe {VERSION}, measured {machine.get('date', '')} on {machine.get('cpu', '')}"
    sections = quality_sections(results, judged, pictures, shown, other)
    write_page(out / f"{NAME}.html", "How good signpipe's models are", sections, note)


def _tell(judged: list[Judged], out: Path) -> None:
    console = Console()
    words = {True: "[green]pass[/]", False: "[red]FAIL[/]", None: "not measured"}
    for one in judged:
        value = "" if one.value is None else f"{one.value:.4f}, "
        console.print(f"{words[one.passed]}  {escape(one.budget.title)}: {value}{one.budget.bound}", highlight=False)
    console.print(f"written to {escape(str(out / f'{NAME}.html'))}", highlight=False, soft_wrap=True)
