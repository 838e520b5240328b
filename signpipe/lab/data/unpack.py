"""Unpacking a zip or tar file that nobody vouches for."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from signpipe.errors import OutputError, SourceError
from signpipe.lab.room import require_room

LARGEST = 20_000_000_000  # bytes unpacked; the public sets stay below 4 GB


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of an archive: its name and bytes, what it is, and how to open it."""

    name: str
    size: int
    is_folder: bool
    is_link: bool  # or anything but a file
    open: Callable[[], IO[bytes]]


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
        archive: The zip or tar file.
        folder: Where to put the members.
        place: The path in the folder for a member, or None to leave it out.
        progress: Called with the members done and their total.

    Returns:
        How many files were written.

    Raises:
        SourceError: It is neither, is damaged, or has a member that must not be unpacked.
        OutputError: The folder can't be written to, or has no space.
    """
    try:
        with _opened(archive) as all_members:
            members = list(_placed(archive, all_members, place))
            _make_room(archive, folder, sum(member.size for member, _ in members))
            for done, (member, path) in enumerate(members, 1):
                _write(member, folder / path)
                progress(done, len(members))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{archive} can't be unpacked ({error}); delete it and fetch it again.") from None
    except OSError as error:
        raise OutputError(f"{archive.name} can't be unpacked into {folder} ({error.strerror or error}).") from None
    return len(members)


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    """Open an archive of either kind, and give its members."""
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield [
                _Member(
                    info.name, info.size, info.isdir(), not (info.isfile() or info.isdir()), partial(_of_tar, tar, info)
                )
                for info in tar
            ]
    else:
        with zipfile.ZipFile(archive) as zipped:
            yield [
                _Member(
                    info.filename,
                    info.file_size,
                    info.is_dir(),
                    stat.S_ISLNK(info.external_attr >> 16),
                    partial(zipped.open, info),
                )
                for info in zipped.infolist()
            ]


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    assert file is not None  # neither a folder nor a link
    return file


def _placed(
    archive: Path, members: list[_Member], place: Callable[[PurePosixPath], PurePosixPath | None]
) -> Iterator[tuple[_Member, PurePosixPath]]:
    for member in members:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name:
            raise SourceError(f"{archive} has a member '{member.name}' that leads out of its folder; don't trust it.")
        if member.is_link and not member.is_folder:
            raise SourceError(f"{archive} has a link '{member.name}' in it; don't trust it.")
        path = None if member.is_folder else place(name)
        if path is not None:
            yield member, path


def _make_room(archive: Path, folder: Path, size: int) -> None:
    if size > LARGEST:
        raise SourceError(f"{archive} would unpack to {size / 1e9:.0f} GB, which no set here has; don't trust it.")
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, size, f"Unpacking {archive.name}")


def _write(member: _Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
