"""What adding a class would change: how well it stands apart, and what becomes of the known ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signpipe.few_shot.head import FewShotHead
from signpipe.lab.few_shot.examples import Examples
from signpipe.lab.few_shot.prototypes import VIEWS_OF_PICTURE, PrototypeMaker
from signpipe.settings import FallbackSettings
from signpipe.types import Classifications, FloatArray

# Cosine of two prototypes from which two classes count as one. The two most alike of the shipped classes reach 0.86, a
# known sign in another country's drawing 0.95 and more.
CLOSE = 0.93
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Separation:
    """How well an added class stands apart.

    Attributes:
        name: The class.
        pictures: Number of its example pictures.
        recognised: How many of them the others (and the drawing) recognise, each left out in turn; None where there is
            no picture, or nothing but one.
        views: Share of its augmented views that are read as it, rather than as another class or none.
        neighbours: The classes whose prototypes are nearest and their cosines, the nearest first.
    """

    name: str
    pictures: int
    recognised: int | None
    views: float
    neighbours: tuple[tuple[str, float], ...]

    @property
    def too_close(self) -> str | None:
        """The class that it can't be told from, or None."""
        name, cosine = self.neighbours[0]
        return name if cosine >= CLOSE else None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the validation crops of one known class.

    Attributes:
        name: The class.
        crops: Their number.
        published_before: How many one observation would publish without the added classes.
        published: With them.
        as_added: How many are published as an added class.
        right_before: How many are read right, sure or not.
        right: With the added classes.
    """

    name: str
    crops: int
    published_before: int
    published: int
    as_added: int
    right_before: int
    right: int

    @property
    def is_any(self) -> bool:
        """True if anything changed."""
        return self.as_added > 0 or self.published != self.published_before or self.right != self.right_before


def separation(name: str, examples: Examples, head: FewShotHead, maker: PrototypeMaker) -> Separation:
    """Measure how well a class stands apart from all others of a head that has it already.

    Raises:
        ModelError: The classifier can't be run.
    """
    names = head.catalogue.names
    row = names.index(name) - len(head.known)
    embedding = maker.embed(maker.views(name, examples))
    cosine = head.cosine(head.prototypes[row : row + 1])[0]
    cosine[names.index(name)] = -1
    nearest = np.argsort(-cosine)[:NEIGHBOURS]
    read = head.probability(embedding)[:, row] >= 0.5
    return Separation(
        name,
        len(examples.sources),
        _recognised(examples, embedding, head, row, maker),
        float(read.mean()),
        tuple((names[int(other)], round(float(cosine[other]), 3)) for other in nearest),
    )


def _recognised(
    examples: Examples, views: FloatArray, head: FewShotHead, row: int, maker: PrototypeMaker
) -> int | None:
    """Return how many example pictures the rest recognises; `views` as embedded by `separation`."""
    count = len(examples.sources)
    if not count or (examples.drawing is None and count < 2):
        return None
    plain, first = maker.embed(maker.plain(examples)), len(views) - count * VIEWS_OF_PICTURE
    found = 0
    for number in range(count):
        start = first + number * VIEWS_OF_PICTURE
        prototypes = head.prototypes.copy()
        prototypes[row] = maker.of_views(np.delete(views, slice(start, start + VIEWS_OF_PICTURE), axis=0))
        rest = replace(head, prototypes=prototypes)
        found += bool(rest.probability(plain[number : number + 1])[0, row] >= 0.5)
    return found


def changes(
    observations: Classifications, labels: npt.NDArray[np.int64], head: FewShotHead, settings: FallbackSettings
) -> list[Change]:
    """Compare what single observations of known signs would publish without the added classes and with them.

    Args:
        observations: One row per crop, of the known classes only.
        labels: int64 (N,), the true classes.
        head: The added classes.
        settings: From which levels an observation is published.

    Returns:
        One entry a class of which there is a crop.
    """
    before, after = _published(observations, settings), _published(widened := head(observations), settings)
    right_before = observations.probability.argmax(1) == labels
    right = widened.probability.argmax(1) == labels
    result = []
    for class_id in np.unique(labels):
        its = labels == class_id
        result.append(
            Change(
                head.catalogue[int(class_id)].name,
                int(its.sum()),
                int((before[its] >= 0).sum()),
                int((after[its] >= 0).sum()),
                int((after[its] >= len(head.known)).sum()),
                int(right_before[its].sum()),
                int(right[its].sum()),
            )
        )
    return result


def _published(observations: Classifications, settings: FallbackSettings) -> npt.NDArray[np.int64]:
    """Return the class that one observation of each crop would publish, or -1, int64 (N,)."""
    sure = (observations.probability.max(1) >= settings.accept) & (observations.novelty <= settings.novelty)
    return np.where(sure, observations.probability.argmax(1), -1)
