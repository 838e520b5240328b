"""`signpipe`: the commands, and how an error reaches the user."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from signpipe.cli.batch import batch
from signpipe.cli.bench import bench_app
from signpipe.cli.can import can_app
from signpipe.cli.classes import classes_app
from signpipe.cli.countries import countries_app
from signpipe.cli.damage import damage
from signpipe.cli.data import data_app
from signpipe.cli.doctor import doctor
from signpipe.cli.drift import drift
from signpipe.cli.evaluate import evaluate_app
from signpipe.cli.explain import explain
from signpipe.cli.export import export
from signpipe.cli.importing import import_
from signpipe.cli.map import map_
from signpipe.cli.models import models_app
from signpipe.cli.releases import canary, history, promote, rollback
from signpipe.cli.renamed import current_options
from signpipe.cli.retrain import retrain
from signpipe.cli.review import review_app
from signpipe.cli.run import run
from signpipe.cli.serve import serve
from signpipe.cli.settings import show_settings
from signpipe.cli.shadow import shadow_app
from signpipe.cli.simulate import simulate
from signpipe.cli.train import train_app
from signpipe.cli.verify import verify
from signpipe.errors import SignpipeError
from signpipe.version import VERSION

app = typer.Typer(
    name="signpipe",
    help="Watches a camera, a stream or a recording and says which road signs are there and what they mean.",
    epilog="Start with  signpipe run VIDEO --out out/  or  signpipe doctor.  Every command has its own --help.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run)
app.command("batch")(batch)
app.command("serve")(serve)
app.command("doctor")(doctor)
app.command("explain")(explain)
app.command("drift")(drift)
app.command("settings")(show_settings)
app.command("simulate")(simulate)
app.command("damage")(damage)
app.command("map")(map_)
app.add_typer(data_app, name="data")
models_app.command("verify")(verify)
models_app.command("import")(import_)
models_app.command("canary")(canary)
models_app.command("promote")(promote)
models_app.command("rollback")(rollback)
models_app.command("history")(history)
app.add_typer(models_app, name="models")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(bench_app, name="bench")
app.add_typer(train_app, name="train")
app.command("retrain")(retrain)
app.command("export")(export)
app.add_typer(classes_app, name="classes")
app.add_typer(countries_app, name="countries")
app.add_typer(review_app, name="review")
app.add_typer(can_app, name="can")
app.add_typer(shadow_app, name="shadow")


def _version(show: bool) -> None:
    if show:
        print(f"signpipe {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: ARG001  # typer calls `_version` itself
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more about what goes on.")] = False,
) -> None:
    """Take the options that every command shares."""
    handler = RichHandler(console=Console(stderr=True), show_path=False, show_time=False)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s", handlers=[handler])


def _as_it_is(error: UnicodeError) -> tuple[str | bytes, int]:
    """Print the bytes of a file's name as they are, and escape what the terminal's encoding doesn't have."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


def main() -> None:
    """Run the command line; an expected error is one sentence on stderr and exit code 2, never a traceback."""
    codecs.register_error("signpipe", _as_it_is)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="signpipe")
    try:
        app(current_options(sys.argv[1:]))
    except SignpipeError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]signpipe:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
