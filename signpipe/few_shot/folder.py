"""The folder of added classes: its catalogue, their prototypes, and the pictures that they were made from.

`catalogue.toml` has the catalogue's own format and may be edited; `prototypes.npz` belongs to one classifier; each
class has its drawing, NAME.svg, and a folder NAME of pictures, from which the prototypes can be made again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import tomli_w

from signpipe.catalogue import Catalogue, SignClass, extend_catalogue
from signpipe.errors import OutputError, SettingsError
from signpipe.few_shot.head import FewShotHead
from signpipe.types import FloatArray

if TYPE_CHECKING:
    from signpipe.runtime.session import Session

CATALOGUE = "catalogue.toml"
PROTOTYPES = "prototypes.npz"
Content = TypeVar("Content")
REBUILD = "make them again with  signpipe classes rebuild --into"


@dataclass(frozen=True, slots=True)
class Prototypes:
    """The content of `prototypes.npz`.

    Attributes:
        names: The added classes.
        few_shot: float32 (K, D), unit length, their prototypes.
        known: float32 (C, D), unit length, those of the classes that the classifier knows.
        metric: See `FewShotHead`; None in a folder that was written before there was one.
        classifier: SHA-256 of the classifier's file.
    """

    names: tuple[str, ...]
    few_shot: FloatArray
    known: FloatArray
    metric: FloatArray | None
    classifier: str


def open_few_shot(folder: Path, session: Session, catalogue: Catalogue) -> FewShotHead:
    """Open a folder of added classes.

    Args:
        folder: The folder.
        session: The open classifier.
        catalogue: The classes that it knows.

    Raises:
        SettingsError: A file is missing or can't be used, or the prototypes are of another classifier.
    """
    extended = extend_catalogue(catalogue, folder / CATALOGUE)
    prototypes = read_prototypes(folder)
    if prototypes.classifier != classifier_digest(session):
        raise SettingsError(
            f"The added classes in {folder} were made with another classifier than {session.entry.path}; "
            f"{REBUILD} {folder}."
        )
    names = extended.names[len(catalogue) :]
    if set(names) - set(prototypes.names) or len(prototypes.known) != len(catalogue):
        raise SettingsError(f"{folder / CATALOGUE} lists classes that {PROTOTYPES} hasn't; {REBUILD} {folder}.")
    rows = [prototypes.names.index(name) for name in names]
    return FewShotHead(extended, prototypes.few_shot[rows], prototypes.known, prototypes.metric)


def read_prototypes(folder: Path) -> Prototypes:
    """Read `prototypes.npz`.

    Raises:
        SettingsError: It is missing or damaged.
    """
    return read_arrays(
        folder / PROTOTYPES,
        lambda arrays: Prototypes(
            tuple(map(str, arrays["names"])),
            np.asarray(arrays["added"], np.float32),
            np.asarray(arrays["known"], np.float32),
            np.asarray(arrays["metric"], np.float32) if "metric" in arrays else None,
            str(arrays["classifier"]),
        ),
        f"{REBUILD} {folder}",
    )


def read_arrays(path: Path, made: Callable[[Mapping[str, Any]], Content], advice: str) -> Content:
    """Read prototypes from a .npz file.

    Args:
        path: The file.
        made: Makes of its arrays what is wanted.
        advice: How to make the file again.

    Raises:
        SettingsError: It is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return made(arrays)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise SettingsError(f"The prototypes {path} can't be read ({reason}); {advice}.") from None


def write_few_shot(folder: Path, head: FewShotHead, session: Session) -> None:
    """Write the catalogue and the prototypes, each whole or not at all.

    Raises:
        OutputError: They can't be written.
    """
    signs = head.catalogue.classes[len(head.known) :]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"draft-{PROTOTYPES}"
        arrays: dict[str, Any] = {
            "names": np.array([sign.name for sign in signs], str),
            "added": head.prototypes,
            "known": head.known,
            "classifier": classifier_digest(session),
        }
        if head.metric is not None:
            arrays["metric"] = head.metric
        np.savez(draft, **arrays)
        draft.replace(folder / PROTOTYPES)
        draft = folder / f"draft-{CATALOGUE}"
        text = tomli_w.dumps({"sign": list(map(_entry, signs))})
        draft.write_text(f"# Written by `signpipe classes`.\n{text}", encoding="utf-8")
        draft.replace(folder / CATALOGUE)
    except OSError as error:
        raise OutputError(f"The added classes can't be written to {folder}: {error.strerror}.") from None


def _entry(sign: SignClass) -> dict[str, str | float]:
    """Return a class as the catalogue's format has it."""
    values = {name: value for name, value in asdict(sign).items() if value is not None}
    return {name: str(value) if isinstance(value, str) else value for name, value in values.items()}


def classifier_digest(session: Session) -> str:
    """Return the SHA-256 of an open classifier's file."""
    return session.entry.sha256 or hashlib.sha256(session.entry.path.read_bytes()).hexdigest()
