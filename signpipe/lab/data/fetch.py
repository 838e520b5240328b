"""Getting the public data sets from their homes: download, verify, unpack."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.data.archives import PUBLIC, Archive
from signpipe.lab.data.download import Downloader
from signpipe.lab.data.unpack import unpack

LOCK = "fetched.json"  # what was fetched: sizes, checksums, and how many files each archive became

# Called with a step ("download", "verify", "unpack"), an archive's name, and how much of how much is done.
Progress = Callable[[str, str, int, int | None], None]


def fetch_set(
    name: str,
    folder: Path,
    base_url: str | None = None,
    keep: bool = False,
    downloader: Downloader | None = None,
    progress: Progress = lambda _step, _name, _done, _total: None,
) -> list[str]:
    """Fetch a public data set into a folder, in the layout that `open_dataset` reads.

    What is there already is not fetched again, and a download that broke off goes on. An archive must have its
    published MD5 or SHA-512; where none is published, its SHA-256 is written down the first time and must be the same
    later.

    Args:
        name: A key of `PUBLIC`.
        folder: Where to put it; the set becomes a subfolder.
        base_url: A mirror's folder that has the same archives, in place of their home.
        keep: Keep the archives after they are unpacked.
        downloader: How to download.
        progress: Told of every step.

    Returns:
        A sentence per archive on what was done.

    Raises:
        SettingsError: There is no such set.
        SourceError: It can't be downloaded, or isn't what it should be.
        OutputError: The folder can't be written to.
    """
    if name not in PUBLIC:
        raise SettingsError(f"There is no public data set '{name}' to fetch; it is one of {', '.join(PUBLIC)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} can't be made ({error.strerror}); choose another with --out.") from None
    return [_fetch(archive, folder, base_url, keep, downloader or Downloader(), progress) for archive in PUBLIC[name]]


def _fetch(
    archive: Archive, folder: Path, base_url: str | None, keep: bool, downloader: Downloader, progress: Progress
) -> str:
    lock = _read_lock(folder)
    known = lock.get(archive.name)
    if known and known["files"] <= _count(folder / archive.target):
        return f"{archive.name} was fetched before; its {known['files']} files are in {folder / archive.target}."
    zipped = folder / archive.name
    if not zipped.exists():
        url = f"{(base_url or archive.home).rstrip('/')}/{archive.name}"
        downloader.fetch(url, zipped, lambda done, total: progress("download", archive.name, done, total))
    entry, verdict = _verify(archive, zipped, known, progress)
    files = unpack(zipped, folder, archive.place, lambda d, t: progress("unpack", archive.name, d, t))
    if not files:
        raise SourceError(f"{zipped} has none of the files that belong to the data set; delete it and fetch it again.")
    # Read again: another archive may have been written down meanwhile.
    lock = _read_lock(folder) | {archive.name: entry | {"files": _count(folder / archive.target)}}
    _write_lock(folder, lock)
    if not keep:
        zipped.unlink()
    return f"{archive.name}: {files} files in {folder / archive.target}; {verdict}."


def _verify(
    archive: Archive, zipped: Path, known: dict[str, Any] | None, progress: Progress
) -> tuple[dict[str, Any], str]:
    """Compare an archive with what is known of it; return what to write down, and a clause for people."""
    size = zipped.stat().st_size
    md5, sha256, sha512 = hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.sha512()
    with zipped.open("rb") as file:
        while chunk := file.read(1 << 20):
            for checksum in (md5, sha256, sha512):
                checksum.update(chunk)
            progress("verify", archive.name, file.tell(), size)
    entry = {"size": size, "md5": md5.hexdigest(), "sha256": sha256.hexdigest()}
    if archive.md5:
        _compare(zipped, "MD5", entry["md5"], archive.md5, f"published in {archive.source}")
        return entry, f"its MD5 is the published one, {archive.md5}"
    if archive.sha512:
        _compare(zipped, "SHA-512", b64encode(sha512.digest()).decode(), archive.sha512, f"of {archive.source}")
        return entry, f"its SHA-512 is that of {archive.source}"
    if known:
        _compare(
            zipped,
            "SHA-256",
            str(entry["sha256"]),
            known["sha256"],
            f"written down in {LOCK} before; delete its entry there to accept another",
        )
        return entry, "its SHA-256 is that of the first download"
    return entry, f"no published checksum of it is known, so its SHA-256 {entry['sha256']} is written down for later"


def _compare(zipped: Path, kind: str, actual: Any, expected: str, source: str) -> None:
    if actual == expected:
        return
    zipped.unlink()
    raise SourceError(
        f"{zipped.name} has the {kind} {actual}, not {expected} ({source}); it was deleted, "
        "so run the command again, and if that ends the same, the file was changed at its home."
    )


def _count(target: Path) -> int:
    """Count the files of an unpacked archive."""
    return sum(1 for p in target.rglob("*") if p.is_file()) if target.is_dir() else int(target.is_file())


def _read_lock(folder: Path) -> dict[str, Any]:
    path = folder / LOCK
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} can't be read ({error}); delete it to fetch the data set anew.") from None


def _write_lock(folder: Path, lock: dict[str, Any]) -> None:
    path = folder / LOCK
    try:
        path.with_suffix(".part").write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
        path.with_suffix(".part").replace(path)
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}).") from None
