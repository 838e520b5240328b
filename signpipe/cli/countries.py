"""`signpipe countries`: whose signs there are, what they look like, whether a file is right, and making prototypes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from signpipe.catalogue.countries import country_codes, country_path, load_country
from signpipe.cli.measuring import with_progress
from signpipe.cli.options import ConfigOption, DrawingsOption
from signpipe.few_shot.pack import write_prototypes
from signpipe.few_shot.signs import PROTOTYPES
from signpipe.lab.countries.check import check_country
from signpipe.lab.countries.sheet import write_sheet
from signpipe.lab.data import find_data
from signpipe.lab.data.uncatalogued import find_drawings
from signpipe.lab.few_shot.pack import build_prototypes, drawings_of, with_photographs
from signpipe.runtime.session import open_session
from signpipe.settings import load_settings
from signpipe.shipped import shipped

countries_app = typer.Typer(
    help="Countries: the signs of each are a file. List, show and check them, and make their prototypes.",
    no_args_is_help=True,
)

PROBLEMS = 1  # exit code of a check that found something
CountryArgument = Annotated[
    str, typer.Argument(metavar="CODE|FILE", help="Country that ships, or the path of a file of your own.")
]
FETCH = "signpipe data fetch drawings"


@countries_app.command("list")
def list_countries() -> None:
    """List the countries that ship: how many signs, of how many there is a drawing, and what they were measured on."""
    table = Table("code", "country", "signs", "with drawings", "unit", "drives on", "measured on")
    for code in country_codes():
        country = load_country(code)
        drawn = sum(bool(sign.drawings) for sign in country.signs)
        cells = (code, country.name, len(country.signs), drawn, country.unit, country.drives_on, country.measured)
        table.add_row(*map(str, cells))
    Console().print(table)


@countries_app.command("show")
def show(
    code: CountryArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Contact sheet to write: .html or .png.")
    ] = None,
    drawings: DrawingsOption = None,
) -> None:
    """Show a country's signs: code, title in its language, name and effect; with --out, a sheet with the drawings."""
    country, console = load_country(code), Console()
    if out is not None:
        folder = find_drawings(drawings)
        missing = write_sheet(out, country, folder)
        console.print(
            f"{len(country.signs)} signs in {out}, {missing} without a drawing", highlight=False, soft_wrap=True
        )
        if folder is None:
            console.print(f"The world's drawings aren't here; get them with  {FETCH}", soft_wrap=True)
        return
    table = Table("code", "name", "title", "effect", "value", "drawings")
    for sign in country.signs:
        value = "" if sign.value is None else str(sign.value)
        table.add_row(sign.code, sign.name, sign.local or sign.title, sign.effect, value, str(len(sign.drawings)))
    console.print(table)


@countries_app.command("check")
def check(code: CountryArgument, drawings: DrawingsOption = None) -> None:
    """Say everything that is wrong in a country's file, with its line.

    Ends with 0 if nothing is, 1 if something is, and 2 if it can't be read.
    """
    folder, console = find_drawings(drawings), Console()
    problems = check_country(country_path(code), folder)
    for problem in problems:
        console.print(str(problem), highlight=False, soft_wrap=True, markup=False)
    if folder is None:
        console.print(f"Drawings weren't looked for: they aren't here; get them with  {FETCH}", soft_wrap=True)
    if problems:
        raise typer.Exit(PROBLEMS)
    console.print(f"{country_path(code).name}: nothing wrong", highlight=False, soft_wrap=True)


@countries_app.command("build")
def build(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE|FILE]...", help="Countries; all that ship, if none is named.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="File to write; else the one that ships.")
    ] = None,
    drawings: DrawingsOption = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Data sets whose photographs make prototypes too; else none do.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make the prototypes of countries' signs from drawings and photographs, for the classifier of the settings.

    Drawings count in every country that has them; a sign of which there is neither drawing nor photograph is never
    named, and is listed.
    """
    settings, console, folder = load_settings(config), Console(), find_drawings(drawings)
    countries = [load_country(code) for code in codes or country_codes()]
    session = open_session(settings.embedder, settings.runtime, "classifier")
    names = drawings_of(countries)
    made, missing = with_progress(lambda progress: build_prototypes(session, names, folder, progress), "building")
    if data is not None:
        made = with_photographs(made, session, find_data(data))
    path = out or shipped("models") / PROTOTYPES
    write_prototypes(path, made)
    told = f"{len(made.names)} prototypes in {path}; {len(missing)} drawings aren't there"
    console.print(told, highlight=False, soft_wrap=True, markup=False)
    if folder is None:
        console.print(f"The world's drawings aren't here; get them with  {FETCH}", soft_wrap=True)
    for country in countries:
        if nameless := made.nameless(country):
            text = (
                f"{country.code}: {len(nameless)} of {len(country.signs)} signs can't be named: {', '.join(nameless)}"
            )
            console.print(text, highlight=False, soft_wrap=True, markup=False)
