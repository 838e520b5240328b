"""Releases of models: which folder of models a service runs, changed in one step, undone in one step, and written down.

    ROOT/current               a link to the release that runs: what runtime.models names
    ROOT/releases/ID/          whole folders of models, each with its manifest; never changed
    ROOT/history.toml          one [[change]] for each promotion and each rollback

The link is replaced by a rename, so that whoever opens the models finds the old ones or the new ones, and never a part
of each; a run that has opened its models keeps them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomli_w

from signpipe.errors import ModelError, OutputError
from signpipe.runtime.manifest import FILE_NAME, load_manifest

CURRENT, RELEASES, HISTORY = "current", "releases", "history.toml"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the history.

    Attributes:
        action: "promote" or "rollback".
        release: The release that runs from then on.
        before: The one that ran until then, or "".
        at: When, with a time zone.
        by: Who did it.
        reason: Why, in words, or "".
        gate: "passed", or "forced" where it was promoted in spite of what was found.
    """

    action: str
    release: str
    before: str
    at: datetime
    by: str
    reason: str = ""
    gate: str = "passed"


def promote(root: Path, candidate: Path, by: str, reason: str = "", gate: str = "passed") -> Change:
    """Make a folder of models the release that runs.

    Args:
        root: Where the releases are; created with the first one.
        candidate: The folder of models; it is copied.
        by: Who does it.
        reason: Why.
        gate: What the gate said.

    Raises:
        ModelError: The candidate's manifest or a file of it can't be used, or a release is missing.
        OutputError: It can't be written; what ran before still does.
    """
    for entry in load_manifest(candidate).values():
        entry.verify()
    with _writing(root):
        name = _name_of(candidate)
        before = current(root)
        if name == before:
            raise ModelError(f"The models of {candidate} are what runs already, the release {name}.")
        _copy(candidate, root / RELEASES / name)
        return _change(root, Change("promote", name, before, datetime.now(UTC), by, reason, gate))


def rollback(root: Path, by: str, reason: str = "") -> Change:
    """Make the release run again that ran before the present one.

    Raises:
        ModelError: There is none.
        OutputError: It can't be written.
    """
    with _writing(root):
        running = current(root)
        back = previous(root, running)
        for entry in load_manifest(root / RELEASES / back).values():
            entry.verify()
        return _change(root, Change("rollback", back, running, datetime.now(UTC), by, reason))


def current(root: Path) -> str:
    """Return the release that runs, or "" before the first."""
    link = root / CURRENT
    return link.readlink().name if link.is_symlink() else ""


def previous(root: Path, running: str) -> str:
    """Return the release that ran before the present one was promoted.

    Raises:
        ModelError: There is none.
    """
    for change in reversed(history(root)):
        if change.action == "promote" and change.release == running and change.before:
            return change.before
    raise ModelError(f"There is nothing to go back to in {root}: no release ran before '{running or 'none'}'.")


def history(root: Path) -> list[Change]:
    """Return all changes, the oldest first.

    Raises:
        ModelError: The history can't be read.
    """
    path = root / HISTORY
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return [Change(**change) for change in content["change"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The history {path} can't be read ({error}); restore it.") from None


def _change(root: Path, change: Change) -> Change:
    """Write a change down and make it: the link is the truth, and the last thing that changes."""
    changes = [*history(root), change]
    written = [asdict(one) for one in changes]
    text = "# Written by `signpipe models promote` and `signpipe models rollback`.\n"
    text += tomli_w.dumps({"schema": SCHEMA, "change": written})
    unfinished, link = root / f".{HISTORY}.part", root / f".{CURRENT}.part"
    _write(unfinished, text.encode())
    link.unlink(missing_ok=True)
    link.symlink_to(Path(RELEASES) / change.release, target_is_directory=True)
    unfinished.replace(root / HISTORY)
    link.replace(root / CURRENT)
    _flush(root)
    return change


def _name_of(candidate: Path) -> str:
    """Return a name that says what is in a folder of models: the digest of all its files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in candidate.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(candidate).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _copy(candidate: Path, release: Path) -> None:
    """Copy a folder of models, whole or not at all; one that is there is the same, since its name is its digest."""
    if (release / FILE_NAME).is_file():
        return
    unfinished = release.with_name(f".{release.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    release.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(candidate, unfinished, symlinks=False)
    for path in unfinished.rglob("*"):
        if path.is_file():
            _flush(path)
    unfinished.replace(release)
    _flush(release.parent)


@contextlib.contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Let one process at a time change the releases, and make one sentence of what goes wrong."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w") as lock:
            with contextlib.suppress(ImportError):  # Windows has no fcntl
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise OutputError(
            f"The releases in {root} can't be changed ({error.strerror}); what ran before still does."
        ) from None


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(path: Path) -> None:
    """Write down to the disk what a rename must not overtake, where the system can."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
