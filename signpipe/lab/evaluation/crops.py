"""A sample of boxed signs, cut out by the crop protocol, each with a seed of its own."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.crops import crop_signs
from signpipe.errors import SourceError
from signpipe.lab.data import Dataset
from signpipe.types import Image

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """One boxed sign of a data set.

    Attributes:
        index: Number of its picture in the data set.
        box: Number of its box in the picture.
        class_id: Its class.
        key: Names it independently of where the data set lies and of what else is in it.
    """

    index: int
    box: int
    class_id: int
    key: str


@dataclass(frozen=True, slots=True)
class CropSample:
    """Crops of signs, and what groups they belong to.

    Attributes:
        images: BGR uint8 (N, S, S, 3), by the crop protocol.
        labels: int64 (N,), their classes.
        keys: A name for each that doesn't depend on the others, from which its chance is drawn.
        sides: float64 (N,), longer side of the box in pixels of its picture.
        light: float64 (N,), mean brightness of the crop, 0..255.
        textures: BGR uint8 (T, S, S, 3), other signs for occluders that show one; at most one of each class.
        texture_labels: int64 (T,), their classes.
        population: How many signs there were to choose from.
    """

    images: Image
    labels: IntArray
    keys: tuple[str, ...]
    sides: npt.NDArray[np.float64]
    light: npt.NDArray[np.float64]
    textures: Image
    texture_labels: IntArray
    population: int

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """Return a SHA-256 over the pictures and labels of the sample."""
        total = hashlib.sha256(self.images.tobytes())
        total.update(self.labels.tobytes() + self.textures.tobytes() + "\n".join(self.keys).encode())
        return total.hexdigest()

    def others(self, index: int) -> Image:
        """Return the textures of other classes than that of a crop."""
        return np.asarray(self.textures[self.texture_labels != self.labels[index]], np.uint8)


def seeded(*parts: object) -> np.random.Generator:
    """Return a generator that depends on nothing but these names and numbers."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


def sample_crops(
    dataset: Dataset, count: int, margin: float, size: int, progress: Callable[[int, int], None] = lambda *_: None
) -> CropSample:
    """Cut a sample of a data set's signs, each class with its share of the set.

    Which signs come first is decided by a hash of their names: a larger sample holds all that a smaller one did.
    Of each track, all others have their turn before it has a second one.

    Args:
        dataset: Labelled pictures.
        count: Size of the sample; all signs if there are no more.
        margin: Margin around the box, as in `crop_signs`.
        size: Side of the crops in pixels.
        progress: Told how many pictures are read, and how many are to be.

    Raises:
        SourceError: No box has a class of the catalogue, or a picture is missing or damaged.
    """
    places = _ordered(dataset)
    if not places:
        raise SourceError(
            f"The data set {dataset.root} marks no sign of the catalogue's classes; map its own names with --map."
        )
    chosen, textures = places[:count], _one_a_class(places)
    cut: dict[Place, tuple[Image, float]] = {}
    wanted = dict.fromkeys([*chosen, *textures])
    for done, place in enumerate(wanted, 1):
        labelled = dataset[place.index]
        image = labelled.read()
        box = labelled.boxes_in(image.shape)[place.box]
        cut[place] = (crop_signs(image, box, margin, size)[0], float(max(box[2] - box[0], box[3] - box[1])))
        progress(done, len(wanted))
    images = np.stack([cut[place][0] for place in chosen])
    return CropSample(
        images=images,
        labels=np.array([place.class_id for place in chosen], np.int64),
        keys=tuple(place.key for place in chosen),
        sides=np.array([cut[place][1] for place in chosen]),
        light=images.mean(axis=(1, 2, 3)),
        textures=np.stack([cut[place][0] for place in textures]),
        texture_labels=np.array([place.class_id for place in textures], np.int64),
        population=len(places),
    )


def _ordered(dataset: Dataset) -> list[Place]:
    """Return all signs in the order in which a sample takes them."""
    by_class: dict[int, dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
    seen: Counter[str] = Counter()
    for index, labelled in enumerate(dataset):
        for box in np.flatnonzero((labelled.class_ids >= 0) & ~labelled.ignore):
            class_id = int(labelled.class_ids[box])
            key = f"{labelled.path.parent.name}/{labelled.path.stem}/{box}"
            seen[key] += 1  # frames of one video have one name
            key += f"/{seen[key]}" if seen[key] > 1 else ""
            by_class[class_id][labelled.track or key].append(Place(index, int(box), class_id, key))
    ranked: list[tuple[float, str, Place]] = []
    for tracks in by_class.values():
        turns = [
            (turn, _hash(place.key), place)
            for places in tracks.values()
            for turn, place in enumerate(sorted(places, key=lambda p: _hash(p.key)))
        ]
        turns.sort(key=lambda entry: entry[:2])
        ranked += [((rank + 0.5) / len(turns), name, place) for rank, (_, name, place) in enumerate(turns)]
    return [place for *_, place in sorted(ranked, key=lambda entry: entry[:2])]


def _one_a_class(places: Iterable[Place]) -> list[Place]:
    first: dict[int, Place] = {}
    for place in places:
        first.setdefault(place.class_id, place)
    return [first[class_id] for class_id in sorted(first)]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
