"""Writing the model manifest that the runtime reads."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from signpipe.runtime.manifest import FILE_NAME, SCHEMA

LICENCE = "AGPL-3.0-or-later"


def write_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Put a model into the manifest of a folder, in the place of the one with its name.

    Args:
        folder: Where the model file, `entry["file"]`, and the manifest lie.
        entry: The table as the manifest has it; its checksum is added here.
    """
    path = folder / FILE_NAME
    models = tomllib.loads(path.read_text(encoding="utf-8"))["model"] if path.is_file() else []
    digest = hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    inner = {key: entry.pop(key) for key in ("input", "output", "metrics")}  # TOML wants tables after plain values
    complete = {"licence": LICENCE} | entry | {"sha256": digest} | inner
    names = [model["name"] for model in models]
    if entry["name"] in names:
        models[names.index(entry["name"])] = complete
    else:
        models.append(complete)
    temporary = path.with_suffix(".toml.part")
    text = "# Written by `signpipe export`.\n" + tomli_w.dumps({"schema": SCHEMA, "model": models})
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
