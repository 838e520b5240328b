"""Signs that a person labelled in the review queue, as training pictures of the classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.crops import crop_signs
from signpipe.errors import SourceError
from signpipe.lab.data import LabelledImage
from signpipe.lab.data.opening import read_dataset
from signpipe.lab.evaluation.crop_sets import CropSet
from signpipe.lab.review.export import reviewed_signs
from signpipe.review import ReviewQueue
from signpipe.review.queue import ITEM


def with_reviewed(crops: CropSet, folder: Path, margin: float) -> CropSet:
    """Return training crops together with those that a person labelled.

    Args:
        crops: The crops so far.
        folder: The review queue itself, whose pictures have the sign's surroundings too, or what `signpipe review
            export --format crops` made of it. Only signs labelled with a class of the catalogue are taken.
        margin: Margin around the signs, as in `crop_signs`.

    Raises:
        SourceError: The folder is missing, holds no such sign, or a picture can't be read.
    """
    signs = _labelled(folder)
    if not signs:
        raise SourceError(
            f"{folder} holds no sign that is labelled with a class of the catalogue; `signpipe review label` does it."
        )
    size = crops.images.shape[1]
    images = [crop_signs(image := sign.read(), sign.boxes_in(image.shape), margin, size) for sign in signs]
    labels = np.concatenate([sign.class_ids for sign in signs])
    return CropSet(np.concatenate([crops.images, *images]), np.concatenate([crops.labels, labels]), crops.backgrounds)


def _labelled(folder: Path) -> list[LabelledImage]:
    try:
        if any(folder.glob(f"*/{ITEM}")):
            return list(reviewed_signs(ReviewQueue(folder), load_catalogue()))
    except OSError as error:
        raise SourceError(f"The review queue {folder} can't be read: {error.strerror}.") from None
    images = read_dataset(folder, "folder").images
    return [image for image in images if (image.class_ids >= 0).all()]
