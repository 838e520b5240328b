"""The files that a run writes: where they may lie, and what they must leave alone."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from signpipe.errors import OutputError

STANDARD_OUTPUT = Path("-")
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi", ".ts": "mpegts"}
_OURS = {".jsonl", *CONTAINERS}  # what a run writes: no source of pictures or sweeps reads such a file of its folder
_STREAM = re.compile(r"(?:-|/dev/stdout|/dev/stderr|/(?:dev|proc/self)/fd/(\d+))")
_WILD = re.compile(r"[*?[]")


def stream_of(path: Path) -> int | None:
    """Return the descriptor that a path stands for, or None for a file of its own.

    "-" is standard output, and so is the file that it was redirected to: what the shell opened is written on where
    it stands, and never opened again, which would empty it.
    """
    named = _STREAM.fullmatch(str(path))
    if named:
        return int(named[1]) if named[1] else 2 if path.name == "stderr" else 1
    there = _stat(path)
    if there is None or os.path.samestat(there, Path(os.devnull).stat()):
        return None
    for descriptor, opened in ((1, sys.__stdout__), (2, sys.__stderr__)):
        if opened is not None and os.path.samestat(there, os.fstat(descriptor)):
            return descriptor
    return None


def open_stream(descriptor: int, what: str) -> int:
    """Return a copy of an open descriptor.

    Raises:
        OutputError: It isn't open.
    """
    try:
        if descriptor == 1 and sys.__stdout__ is None:  # its number may be another file's by now
            raise OSError
        return os.dup(descriptor)
    except OSError:
        raise OutputError(f"The {what} can't be written to descriptor {descriptor}: it isn't open.") from None


def prepare_file(path: Path, what: str, source: str) -> None:
    """Make sure that a file can be written, and create the folders above it.

    Args:
        path: The file; what it holds isn't touched.
        what: What the file is for, for the message.
        source: Name of the run's source, which must not be overwritten.

    Raises:
        OutputError: It can't be written there, or it is the source itself.
    """
    refuse_inputs({what: path}, [source])
    try:
        if path.is_fifo() or path.is_char_device():
            return  # its reader would take a first look for the end
        existed = path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OutputError(
            f"The {what} can't be written to {path} ({error.strerror}); choose a folder that you may write to."
        ) from None


def refuse_inputs(outputs: Mapping[str, Path], inputs: Iterable[str | Path]) -> None:
    """Make sure that no output would overwrite what the run reads.

    Args:
        outputs: Where each goes, by what it is.
        inputs: Files, folders and patterns; what is no path is passed over.

    Raises:
        OutputError: One would, whatever name the file goes by.
    """
    given = [str(each).removeprefix("file://") for each in inputs]
    for what, path in outputs.items():
        for each in given:
            if _reads(each, path):
                raise OutputError(
                    f"The {what} would overwrite its own source {path}; choose another name for it."
                    if Path(each) == path
                    else f"The {what} {path} would overwrite what the run reads ({each}); choose another name for it."
                )


def refuse_same(outputs: Mapping[str, Path]) -> None:
    """Make sure that each output has a file of its own; only what is thrown away may go to one device.

    Raises:
        OutputError: Two would be written to one file.
    """
    taken: dict[object, str] = {}
    for what, path in outputs.items():
        there = _stat(path)
        if there and stat.S_ISCHR(there.st_mode) and stream_of(path) is None:
            continue
        identity = (there.st_dev, there.st_ino) if there else os.path.realpath(path)
        if identity in taken:
            raise OutputError(
                f"The {taken[identity]} and the {what} would be written to the same file {path}; "
                "give each a name of its own."
            )
        taken[identity] = what


def refuse_existing(path: Path, what: str, remedy: str = "give --overwrite to replace it") -> None:
    """Make sure that nothing that is there already would be lost.

    Args:
        path: An output.
        what: What it is, for the message.
        remedy: What to do about it.

    Raises:
        OutputError: It is a file with something in it.
    """
    there = _stat(path)
    if there and stat.S_ISREG(there.st_mode) and there.st_size and stream_of(path) is None:
        raise OutputError(f"The {what} {path} is there already; {remedy}, or choose another name.")


def _stat(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file, following links; None if there is none."""
    named = _STREAM.fullmatch(str(path))
    try:
        return os.fstat(int(named[1] or (2 if path.name == "stderr" else 1))) if named else path.stat()
    except (OSError, ValueError):
        return None


def _reads(given: str, output: Path) -> bool:
    """Tell whether a file that is there belongs to an input: is it, lies in its folder, or matches its pattern."""
    there, path = _stat(output), Path(given)
    if there is None:
        return False
    source = os.fstat(0) if given == "-" and sys.__stdin__ else _stat(path)
    if source is not None and not stat.S_ISDIR(source.st_mode):
        return stat.S_ISREG(source.st_mode) and os.path.samestat(there, source)
    if source is None and not _WILD.search(given):
        return False
    folder = next((p for p in (path, *path.parents) if p.is_dir()), path)
    return (
        output.suffix.lower() not in _OURS
        and (source is not None or fnmatch(output.name, path.name))
        and output.resolve().is_relative_to(folder.resolve())
    )
