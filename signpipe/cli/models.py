"""`signpipe models`: the models of the manifest, whether they are what it says, and whether they agree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.errors import ModelError
from signpipe.runtime.manifest import ModelEntry, known_models, models_folder
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings, load_settings

models_app = typer.Typer(help="List the models, compare their files with the manifest's checksums, import your own.")

FolderOption = Annotated[Path | None, typer.Option("--models", help="Folder with manifest.toml.")]


@dataclass(frozen=True, slots=True)
class Checked:
    """A model and what is wrong with it, if anything is."""

    entry: ModelEntry
    problem: str | None

    @property
    def size(self) -> int:
        """Bytes of its file, 0 if that is missing."""
        return self.entry.path.stat().st_size if self.entry.path.is_file() else 0

    def as_json(self) -> dict[str, Any]:
        """Return the entry with `bytes`, `ok` and `problem`."""
        entry = self.entry.model_dump(mode="json", exclude={"folder"})
        return entry | {"bytes": self.size, "ok": self.problem is None, "problem": self.problem}


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    folder: FolderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models and compare their files with the manifest's checksums.

    Ends with exit code 2 if one is missing or altered.
    """
    context.obj = folder
    if context.invoked_subcommand is None:
        list_models(folder, as_json)


def list_models(folder: Path | None = None, as_json: bool = False) -> None:
    """Print the models of a manifest.

    Raises:
        ModelError: The manifest can't be read.
        typer.Exit: A model is missing or altered (exit code 2).
    """
    settings = load_settings(None, {"runtime.models": folder}).runtime
    checked = check_models(settings)
    if as_json:
        print(json.dumps([model.as_json() for model in checked], indent=2))
    else:
        print_models(checked, models_folder(settings.models))
    if any(model.problem for model in checked):
        raise typer.Exit(2)


def check_models(settings: RuntimeSettings, thoroughly: bool = False) -> list[Checked]:
    """Check every model of the manifest.

    Args:
        settings: The folder of the manifest, and what runs the models.
        thoroughly: Open each model on the CPU too, not only compare its checksum.

    Raises:
        ModelError: The manifest itself can't be read.
    """
    cpu = settings.model_copy(update={"provider": "cpu"})
    checked = []
    for entry in known_models(settings.models).values():
        try:
            if thoroughly:
                open_session(entry.name, cpu, entry.role).close()
            else:
                entry.verify()
            checked.append(Checked(entry, None))
        except ModelError as error:
            checked.append(Checked(entry, str(error)))
    return checked


def print_models(checked: list[Checked], folder: Path) -> None:
    """Print a table of the models, what was measured of them, and what is wrong."""
    console = Console()
    table = Table(title=f"{len(checked)} models in {folder}", title_justify="left")
    for column in ("name", "role", "precision", "size", "input", "state"):
        table.add_column(column, justify="right" if column == "size" else "left")
    for model in checked:
        entry = model.entry
        shape = " x ".join(map(str, entry.input.shape))
        state = "[red]bad[/]" if model.problem else "[green]ok[/]"
        size = f"{model.size / 1e6:.1f} MB"
        table.add_row(escape(entry.name), entry.role, escape(entry.precision), size, escape(shape), state)
    console.print(table)
    for model in checked:
        metrics = ", ".join(f"{name} {value}" for name, value in model.entry.metrics.items())
        if metrics:
            console.print(f"[bold]{escape(model.entry.name)}[/]: {escape(metrics)}", highlight=False)
        if model.problem:
            console.print(f"[red]{escape(model.problem)}[/]", highlight=False, soft_wrap=True)
