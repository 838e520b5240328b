"""`signpipe evaluate perception`: what the models say of rendered signs, as a table that simulated drives replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from signpipe.cli.measuring import with_progress
from signpipe.cli.options import ConfigOption
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.evaluation.resume import Resume, file_sha256
from signpipe.runtime.manifest import find_model
from signpipe.settings import Settings, load_settings
from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.lab.simulation.perception import Table


def perception(
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="Table to write.")],
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Roads a condition, with every class once each.")] = 1,
    conditions: Annotated[str, typer.Option(help="Conditions to measure, with commas between them; else all.")] = "",
    only: Annotated[
        str,
        typer.Option(
            help="Classes to measure again, with commas between them; OUT.npz, which is there, keeps the others."
        ),
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    preset: PresetOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure detector and classifier on rendered signs, by size, weather and light (extra `simulate`).

    `signpipe evaluate drive` takes the table in place of pictures, so that hundreds of kilometres take minutes.
    """
    from signpipe.lab.evaluation.perception import classes_on_roads, measure_perception, resume_file, summarise
    from signpipe.lab.simulation.world.routes import CONDITIONS

    settings = load_settings(config, {"detect.model": detector_of(preset)})
    chosen = [one.strip() for one in conditions.split(",") if one.strip()] or list(CONDITIONS)
    for one in chosen:
        if one not in CONDITIONS:
            raise typer.BadParameter(f"There is no condition '{one}'; there are {', '.join(CONDITIONS)}.")
    names, again = classes_on_roads(), [one.strip() for one in only.split(",") if one.strip()]
    about = {"version": VERSION, **models_of(settings), "classes": len(names), "rounds": rounds}
    older = _older(out, again, names, about) if again else None
    identity = {key: about[key] for key in ("detector", "classifier", "classes")} | {"only": again}
    partial = Resume(resume_file(out), identity, resume)
    table = with_progress(
        lambda progress: measure_perception(settings, again or names, chosen, rounds, partial, progress),
        "rendering and looking",
    )
    if older is None:
        table.about = about
    else:
        older.renew(table)
        known = older.about.get("measured again", [])
        older.about["measured again"], table = sorted({*known, *again}), older
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        table.write(out)
    except OSError as error:
        raise OutputError(f"{out} can't be written: {error.strerror}.") from None
    partial.finish()
    printed = Printed(title="rendered signs, per cent")
    for column in ("condition", "size", "found", "right of those", "n"):
        printed.add_column(column, justify="left" if column in ("condition", "size") else "right")
    for condition, cell in summarise(table, table.names).items():
        for size, band in cell["sizes"].items():
            shares = [f"{100 * part / max(whole, 1):.1f}" for part, whole in
                      ((band["found"], band["n"]), (band["right"], band["found"]))]  # fmt: skip
            printed.add_row(condition, size, *shares, str(band["n"]))
    Console().print(printed)
    Console().print(f"written to {escape(str(out))}", highlight=False, soft_wrap=True)


def _older(out: Path, again: list[str], names: list[str], about: dict[str, Any]) -> Table:
    """Return the table of which some classes are measured again; refuse one of other models, and unknown classes."""
    from signpipe.lab.simulation.perception import read_table

    table = read_table(out)
    for one in again:
        if one not in names:
            raise typer.BadParameter(f"No '{one}' stands along the roads; there are {', '.join(names)}.")
    for role in ("detector", "classifier"):
        if table.about.get(role) != about[role]:
            raise SettingsError(
                f"{out} was measured with the {role} {table.about.get(role)}, not {about[role]}; measure all classes."
            )
    return table


def models_of(settings: Settings) -> dict[str, str]:
    """Return names and checksums of the models that the settings run."""
    found = {}
    for role, name in (("detector", settings.detector), ("classifier", settings.classifier)):
        entry = find_model(name, role, settings.runtime.models)
        path = entry if isinstance(entry, Path) else entry.path
        found[role] = f"{name} {file_sha256(path)[:16]}"
    return found
