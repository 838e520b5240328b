"""Adding a class to a set of added classes, and taking one out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from signpipe.catalogue import Catalogue, Category, Effect, Shape, SignClass, extend_catalogue
from signpipe.errors import SettingsError
from signpipe.few_shot.folder import CATALOGUE, open_few_shot
from signpipe.few_shot.head import FewShotHead
from signpipe.lab.few_shot.examples import load_examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.runtime.session import Session
from signpipe.types import FloatArray

# What a sign of a category usually looks like and does, and its side in metres; the others must say what they do.
USUAL = {
    Category.PROHIBITORY: (Shape.CIRCLE, Effect.ACCESS_BAN, 0.6),
    Category.DANGER: (Shape.TRIANGLE, Effect.DANGER, 0.9),
    Category.MANDATORY: (Shape.CIRCLE, Effect.DIRECTION, 0.6),
    Category.PRIORITY: (Shape.RECTANGLE, None, 0.6),
    Category.END_OF: (Shape.CIRCLE, None, 0.6),
    Category.INFORMATION: (Shape.RECTANGLE, Effect.INFORMATION, 0.6),
}


def open_or_start(folder: Path, session: Session, catalogue: Catalogue, maker: PrototypeMaker) -> FewShotHead:
    """Open a folder of added classes, or start one that has none yet; nothing is written.

    Raises:
        SettingsError: The folder can't be used; see `open_few_shot`.
    """
    if (folder / CATALOGUE).is_file():
        return open_few_shot(folder, session, catalogue)
    return maker.head(catalogue)


def with_class(head: FewShotHead, sign: SignClass, prototype: FloatArray) -> FewShotHead:
    """Return a head that has one class more.

    Args:
        head: What there is.
        sign: The class; its id is set.
        prototype: float32 (D,), unit length.

    Raises:
        SettingsError: There is a class of that name.
    """
    if sign.name in head.catalogue.names:
        raise SettingsError(f"There is a class '{sign.name}' already; take another name, or remove it first.")
    signs = [*head.catalogue, replace(sign, id=len(head.catalogue))]
    return replace(head, catalogue=Catalogue(signs), prototypes=np.concatenate([head.prototypes, prototype[None]]))


def without_class(head: FewShotHead, name: str) -> FewShotHead:
    """Return a head that has one added class less; the ones after it move up.

    Raises:
        SettingsError: No added class has that name.
    """
    count = len(head.known)
    added = head.catalogue.names[count:]
    if name not in added:
        raise SettingsError(f"There is no added class '{name}'; there are: {', '.join(added) or 'none'}.")
    signs = [replace(sign, id=id_) for id_, sign in enumerate(s for s in head.catalogue if s.name != name)]
    prototypes = np.delete(head.prototypes, added.index(name), axis=0)
    return replace(head, catalogue=Catalogue(signs), prototypes=prototypes)


def rebuilt(folder: Path, catalogue: Catalogue, maker: PrototypeMaker) -> FewShotHead:
    """Return a head with the prototypes made again from the pictures in a folder of added classes.

    Raises:
        SettingsError: Its catalogue can't be used.
        SourceError: Pictures of a class are missing or damaged.
    """
    extended = extend_catalogue(catalogue, folder / CATALOGUE)
    head = maker.head(catalogue)
    made = [maker(name, load_examples(folder, name)) for name in extended.names[len(catalogue) :]]
    return replace(head, catalogue=extended, prototypes=np.stack(made) if made else head.prototypes)
