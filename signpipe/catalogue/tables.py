"""Reading catalogues: the `[[sign]]` tables of a TOML file, and in which line each of them is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from signpipe.errors import SettingsError

TABLE = re.compile(r"\s*\[\[\s*sign\s*\]\]")


def read_tables(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """Read a TOML file of `[[sign]]` tables.

    Returns:
        What else it has; its sign tables; and for each of these where it is, such as "own.toml, line 12".

    Raises:
        SettingsError: It is missing or no TOML, or its signs are no tables.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SettingsError(
            f"The catalogue {path} can't be read ({reason}); give a TOML file of [[sign]] tables."
        ) from None
    tables = content.pop("sign", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(
            f"The catalogue {path} can't be read: it has 'sign' as no table; give a TOML file of [[sign]] tables."
        )
    places = [f"{path}, line {line}" for line, row in enumerate(text.splitlines(), 1) if TABLE.match(row)]
    if len(places) != len(tables):  # written as inline tables
        places = [f"{path}, sign {position + 1}" for position in range(len(tables))]
    return content, tables, places
