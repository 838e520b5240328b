"""Unpacking a zip file that nobody vouches for."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from signpipe.errors import OutputError, SourceError

LARGEST = 20_000_000_000  # bytes unpacked; the public sets stay below 4 GB


def unpack(
    archive: Path,
    folder: Path,
    place: Callable[[PurePosixPath], PurePosixPath | None],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Unpack the members of a zip file to where `place` puts each.

    Nothing is written before every name has been judged: one that would lead out of the folder, a link, or a size
    beyond all reason refuses the whole archive.

    Args:
        archive: The zip file.
        folder: Where to put the members.
        place: The path in the folder for a member, or None to leave it out.
        progress: Called with the members done and their total.

    Returns:
        How many files were written.

    Raises:
        SourceError: It is no zip file, is damaged, or has a member that must not be unpacked.
        OutputError: The folder can't be written to, or has no space.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = list(_placed(archive, zipped, place))
            _make_room(archive, folder, sum(info.file_size for info, _ in members))
            for done, (info, path) in enumerate(members, 1):
                _write(zipped, info, folder / path)
                progress(done, len(members))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{archive} can't be unpacked ({error}); delete it and fetch it again.") from None
    except OSError as error:
        raise OutputError(f"{archive.name} can't be unpacked into {folder} ({error.strerror or error}).") from None
    return len(members)


def _placed(
    archive: Path, zipped: zipfile.ZipFile, place: Callable[[PurePosixPath], PurePosixPath | None]
) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    for info in zipped.infolist():
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename:
            raise SourceError(f"{archive} has a member '{info.filename}' that leads out of its folder; don't trust it.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise SourceError(f"{archive} has a link '{info.filename}' in it; don't trust it.")
        path = None if info.is_dir() else place(name)
        if path is not None:
            yield info, path


def _make_room(archive: Path, folder: Path, size: int) -> None:
    if size > LARGEST:
        raise SourceError(f"{archive} would unpack to {size / 1e9:.0f} GB, which no set here has; don't trust it.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"Unpacking {archive.name} needs {size / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB left; make room."
        )


def _write(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(info) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
