"""Going on with a run that was interrupted: what is done lies beside the output, one JSON line per piece."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError, SettingsError


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file that was opened before, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Resume:
    """Finished pieces of a run, by name, which a run that goes on takes over.

    Args:
        path: The file, or None to remember nothing.
        identity: What the pieces depend on: model, data, version, seed ...
        resume: Go on with what the file holds; else it is written anew.

    Raises:
        SettingsError: The file belongs to another run, or is no such file.
        OutputError: The file can't be written.
    """

    def __init__(self, path: Path | None, identity: dict[str, Any], resume: bool) -> None:
        self._path = path
        self._done: dict[str, Any] = {}
        if path is None:
            return
        if resume and path.exists():
            self._read(path, identity)
        else:
            self._write("w", {"identity": identity})

    def get(self, name: str) -> Any:
        """Return a finished piece, or None."""
        return self._done.get(name)

    def put(self, name: str, piece: Any) -> None:
        """Keep a finished piece.

        Raises:
            OutputError: The file can't be written.
        """
        self._write("a", {"name": name, "piece": piece})

    def finish(self) -> None:
        """Remove the file: the run is complete."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self, path: Path, identity: dict[str, Any]) -> None:
        try:
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]  # the last line may have been cut off
            head, *lines = (json.loads(line) for line in whole.splitlines())
            found = head["identity"]
            self._done = {line["name"]: line["piece"] for line in lines}
        except OSError as error:
            raise OutputError(f"{path} can't be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError):
            raise SettingsError(
                f"{path} isn't what an interrupted run leaves; remove it, or run without --resume."
            ) from None
        if found != identity:
            other = ", ".join(sorted(key for key in identity | found if identity.get(key) != found.get(key)))
            raise SettingsError(
                f"The interrupted run in {path} had another {other}; run without --resume to start again."
            )
        path.write_text(whole, encoding="utf-8")

    def _write(self, mode: str, entry: dict[str, Any]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        except OSError as error:
            raise OutputError(f"{self._path} can't be written: {error.strerror}.") from None
