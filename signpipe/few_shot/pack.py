"""The prototypes of drawings and photographs that ship with a classifier, and a country's head made of them.

`prototypes.npz` belongs to one classifier. Its rows are named after what they were made of: a drawing
("regulatory--no-parking--g1", "own:stop"), or photographs of a sign ("photograph:no_parking").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from signpipe.catalogue import SignClass, load_catalogue
from signpipe.catalogue.countries import Country
from signpipe.errors import OutputError, SettingsError
from signpipe.few_shot.folder import classifier_digest, read_arrays
from signpipe.few_shot.head import PackHead
from signpipe.types import FloatArray

if TYPE_CHECKING:
    from signpipe.runtime.session import Session

PHOTOGRAPH = "photograph:"
REBUILD = "make them again with  signpipe countries build"


@dataclass(frozen=True, slots=True)
class DrawnPrototypes:
    """The content of `prototypes.npz`.

    Attributes:
        names: What each row was made of; a name can have several rows.
        prototypes: float32 (P, D), unit length.
        classifier: SHA-256 of the classifier's file.
        sharpness: See `PackHead`; chosen for this classifier.
        elsewhere: See `PackHead`.
    """

    names: tuple[str, ...]
    prototypes: FloatArray
    classifier: str
    sharpness: float
    elsewhere: float

    def head(self, country: Country, photographs: bool = True) -> PackHead:
        """Return the head that names a country's signs.

        A sign of which there is no prototype is never named; `nameless` says which these are.

        Args:
            country: The country.
            photographs: Whether prototypes of photographs count beside those of drawings.
        """
        rows_of: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            rows_of.setdefault(name, []).append(row)
        known = len(load_catalogue())
        rows, owners = list[int](), list[int]()
        for sign in country.catalogue:
            for name in _sources(sign, photographs):
                rows += rows_of.get(name, [])
                owners += [sign.id] * len(rows_of.get(name, []))
        return PackHead(
            country.catalogue, known, self.prototypes[rows], np.array(owners, np.int64), self.sharpness, self.elsewhere
        )

    def nameless(self, country: Country) -> tuple[str, ...]:
        """Return the names of a country's signs beyond the known ones of which there is no prototype."""
        base, made = _base_names(), set(self.names)
        return tuple(
            sign.name for sign in country.signs if sign.name not in base and not made.intersection(_sources(sign, True))
        )


def _base_names() -> frozenset[str]:
    return frozenset(load_catalogue().names)


def _sources(sign: SignClass, photographs: bool) -> list[str]:
    """Return the names of the rows that a sign's prototypes can have."""
    names = dict.fromkeys((f"own:{sign.name}", *sign.drawings))
    return [*names, f"{PHOTOGRAPH}{sign.name}"] if photographs else [*names]


def open_prototypes(path: Path, session: Session) -> DrawnPrototypes:
    """Read `prototypes.npz`.

    Raises:
        SettingsError: It is missing or damaged, or of another classifier.
    """
    found = read_arrays(
        path,
        lambda arrays: DrawnPrototypes(
            tuple(map(str, arrays["names"])),
            np.asarray(arrays["prototypes"], np.float32),
            str(arrays["classifier"]),
            float(arrays["sharpness"]),
            float(arrays["elsewhere"]),
        ),
        REBUILD,
    )
    if found.classifier != classifier_digest(session):
        raise SettingsError(
            f"The prototypes {path} were made with another classifier than {session.entry.path}; {REBUILD}."
        )
    return found


def write_prototypes(path: Path, content: DrawnPrototypes) -> None:
    """Write `prototypes.npz`, whole or not at all.

    Raises:
        OutputError: It can't be written.
    """
    draft = path.with_name(f"draft-{path.name}")
    try:
        np.savez_compressed(
            draft,
            names=np.array(content.names, str),
            prototypes=content.prototypes.astype(np.float16),
            classifier=content.classifier,
            sharpness=content.sharpness,
            elsewhere=content.elsewhere,
        )
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"The prototypes can't be written to {path}: {error.strerror}.") from None
