"""Which outline the boxes of the data sets have, whatever the sets themselves call their signs."""

from __future__ import annotations

import re

import numpy as np

from signpipe.catalogue import Shape, load_catalogue
from signpipe.lab.data.labelled import LabelledImage
from signpipe.types import SHAPES, UNKNOWN_SHAPE, ShapeArray

# Labels that are no class of the catalogue, lower case. The codes are Belgian (BTSD); words that start with a plate's
# text are plates.
_BY_LABEL = (
    (r"danger|a\d+[a-z]?|b15a|b17", Shape.TRIANGLE),
    (r"ceder|give_way|b1|b3", Shape.TRIANGLE_DOWN),
    (r"stop|b5", Shape.OCTAGON),
    (r"b9|b11", Shape.DIAMOND),
    (r"interdiction|obligation|speedlimit|c\d+[a-z]?|d\d+[a-z]?|e[1-7]|x21|verbod.*", Shape.CIRCLE),
    (r"crosswalk|b2[13]|e9.*|f\d+[a-z]?|x29|x3[rl]|einde zone|rode pijl.*", Shape.RECTANGLE),
    (r"begin|einde|e0c|m\d+|handic|x30|type.*|over.*|uitgezonderd.*|passerende.*|spelende.*|landbouw.*|verkeers.*",
     Shape.PLATE),
)  # fmt: skip
_PATTERNS = [(re.compile(pattern), SHAPES.index(shape)) for pattern, shape in _BY_LABEL]


def face_shapes(labelled: LabelledImage) -> ShapeArray:
    """Return the outline of each boxed sign, uint8 (N,): an index into `SHAPES`, or `UNKNOWN_SHAPE`.

    A class of the catalogue has the catalogue's outline; else the name that the set gives the box tells it.
    """
    catalogue = load_catalogue()
    shapes = [
        SHAPES.index(catalogue[class_id].shape) if class_id >= 0 else _of_label(name)
        for class_id, name in zip(labelled.class_ids.tolist(), labelled.names, strict=True)
    ]
    return np.array(shapes, np.uint8)


def _of_label(name: str) -> int:
    plain = name.strip().lower()
    if plain in SHAPES:
        return SHAPES.index(plain)
    return next((index for pattern, index in _PATTERNS if pattern.fullmatch(plain)), UNKNOWN_SHAPE)
