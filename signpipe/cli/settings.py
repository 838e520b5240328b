"""`signpipe settings`: every setting with its value and what it does, as a TOML file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tomli_w
import typer

from signpipe.settings import Section, load_settings


def show_settings(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="TOML file to read first.")] = None,
) -> None:
    """Print all settings as TOML, with what each does, after the file and the environment are applied.

    [bold]signpipe settings > signpipe.toml[/] gives a file to edit and to run with [bold]--config[/]. Any setting can
    also be given as  SIGNPIPE_SECTION__NAME=VALUE  in the environment or as  --set section.name=value.
    """
    settings = load_settings(config)
    blocks = []
    for name in type(settings).model_fields:
        section: Section = getattr(settings, name)
        lines = [f"# {(type(section).__doc__ or '').strip()}", f"[{name}]"]
        for key, field in type(section).model_fields.items():
            value = section.model_dump(mode="json")[key]
            text = tomli_w.dumps({key: value}).strip() if value is not None else f"# {key} ="
            lines.append(f"{text}  # {field.description}")
        blocks.append("\n".join(lines))
    print("\n\n".join(blocks))
