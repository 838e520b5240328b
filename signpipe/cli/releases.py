"""`signpipe models canary`, `promote`, `rollback` and `history`: which models run, and how they came to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from signpipe.cli.measuring import write_json
from signpipe.cli.options import ConfigOption
from signpipe.cli.person import user_name
from signpipe.errors import ModelError, SettingsError
from signpipe.few_shot.folder import CATALOGUE
from signpipe.lab.retraining.canary import Canary, compare_on
from signpipe.lab.retraining.candidate import ADDED, passed_gate
from signpipe.pipeline import Pipeline
from signpipe.runtime import releases
from signpipe.runtime.manifest import models_folder
from signpipe.settings import Settings, load_settings
from signpipe.sources import Sensors, open_source
from signpipe.types import Frame

RootArgument = Annotated[
    Path, typer.Argument(metavar="ROOT", help="Folder of the releases; set runtime.models to ROOT/current.")
]
CandidateArgument = Annotated[Path, typer.Argument(metavar="CANDIDATE", help="A folder of models.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who does it; else the user's name.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for the history.")]


def promote(
    root: RootArgument,
    candidate: CandidateArgument,
    reason: ReasonOption = "",
    by: ByOption = None,
    force: Annotated[bool, typer.Option("--force", help="In spite of what was found; it is written down.")] = False,
) -> None:
    """Make a folder of models the one that runs: at once, whole, and written down in ROOT/history.toml.

    Its files must be as its manifest says, and what `signpipe retrain` found of it must not speak against it.
    """
    problems = passed_gate(candidate)
    if problems and not force:
        raise ModelError(
            f"The models of {candidate} aren't promoted: {'; '.join(problems)}. Give --force to do it anyway."
        )
    change = releases.promote(root, candidate, by or user_name(), reason, "forced" if problems else "passed")
    print(f"{change.release} runs now" + (f"; {change.before} did until now" if change.before else ""))


def rollback(root: RootArgument, reason: ReasonOption = "", by: ByOption = None) -> None:
    """Make the models run again that ran before the present ones."""
    change = releases.rollback(root, by or user_name(), reason)
    print(f"{change.release} runs again; {change.before} did until now")


def history(root: RootArgument) -> None:
    """List what was promoted and rolled back, by whom and why, the latest last."""
    table, running = Table(), releases.current(root)
    for column in ("at", "action", "release", "before", "gate", "by", "reason"):
        table.add_column(column)
    for one in releases.history(root):
        at = f"{one.at:%Y-%m-%d %H:%M}"
        table.add_row(at, one.action, one.release, one.before, one.gate, one.by, one.reason)
    console = Console()
    console.print(table, markup=False)
    console.print(f"{running} runs" if running else "nothing runs from here yet", highlight=False)


def canary(
    candidate: CandidateArgument,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Recorded traffic, as for  signpipe run.")],
    against: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The models that run; else the shipped ones.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="The result as JSON.")] = None,
    config: ConfigOption = None,
) -> None:
    """Run two sets of models side by side on the same frames, and say where they differ.

    Ends with exit code 1 if the candidate publishes known signs as others, withholds signs that were published, or is
    much slower.
    """
    settings = load_settings(config)
    with ExitStack() as stack:
        before = stack.enter_context(Pipeline(with_models(settings, against)))
        now = stack.enter_context(Pipeline(with_models(settings, candidate)))
        found = compare_on(_frames(source, settings, frames, stack), before, now)
    _print(found)
    if json_file is not None:
        write_json(json_file, found.to_dict())
    if found.problems:
        raise typer.Exit(1)


def with_models(settings: Settings, folder: Path | None) -> Settings:
    """Return the settings with a folder of models, and the classes that were added in it."""
    models = models_folder(folder or settings.runtime.models)
    added = models / ADDED
    few_shot = added if (added / CATALOGUE).is_file() else settings.classify.few_shot
    return settings.model_copy(
        update={
            "runtime": settings.runtime.model_copy(update={"models": folder or settings.runtime.models}),
            "classify": settings.classify.model_copy(update={"few_shot": few_shot}),
        }
    )


def _frames(source: str, settings: Settings, most: int | None, stack: ExitStack) -> Iterator[Frame]:
    sensors = stack.enter_context(Sensors(settings))
    opened = stack.enter_context(open_source(source, settings.capture, sensors.sense))
    if opened.info.live:
        raise SettingsError(
            f"{opened.info.source_id} is live: both sets of models need the same frames, so record some."
        )
    yield from islice(opened, most)


def _print(found: Canary) -> None:
    table = Table("", "what runs", "candidate")
    for (name, old), new in zip(found.before.counts().items(), found.now.counts().values(), strict=True):
        table.add_row(name.replace("_", " "), str(old), str(new))
    console = Console()
    console.print(table)
    for one in found.differences:
        console.print(f"at {one.at:.1f} s: {one.before or 'nothing'} -> {one.now or 'nothing'}", highlight=False)
    for problem in found.problems:
        console.print(f"[bold red]{problem}[/]", highlight=False)
    if not found.problems:
        console.print("[green]Nothing speaks against the candidate.[/]")
