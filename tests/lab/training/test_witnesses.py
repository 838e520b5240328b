"""What the witnesses are fitted by: it finds what tells signs apart, and doesn't trust what doesn't."""

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import framed_drawing
from signpipe.lab.augmentation import TRAINING_OCCLUDERS, face_mask
from signpipe.lab.training.witnesses import Spoiled, fit_shape, fit_template
from signpipe.types import FloatArray
from signpipe.witnesses.shape import outline_features, outline_of
from signpipe.witnesses.template import resemblance

CATALOGUE = load_catalogue()
COPIES = 4
TWINS = [CATALOGUE.by_name(name).id for name in ("speed_limit_30", "speed_limit_80", "keep_left", "keep_right")]


@pytest.fixture(scope="module")
def spoiled() -> Spoiled:
    """Drawings of all classes, open and hidden by a fifth, with noise."""
    rng, crops = np.random.default_rng(0), []
    for sign in CATALOGUE:
        drawn = np.ascontiguousarray(framed_drawing(sign.name, 48, 0.1)[..., :3])
        for copy in range(COPIES):
            occluder = TRAINING_OCCLUDERS[int(rng.integers(len(TRAINING_OCCLUDERS)))]
            crop = occluder(drawn, face_mask(sign.shape, 48, 48), 0.2 * (copy % 2), rng, drawn[None])[0]
            crops.append(np.clip(crop * rng.uniform(0.5, 1) + rng.normal(0, 6, crop.shape), 0, 255).astype(np.uint8))
    labels = np.repeat(np.arange(len(CATALOGUE)), COPIES)
    return Spoiled(np.stack(crops), labels, np.full(len(labels), 60.0), labels)


def test_outline_and_colour_are_learned_from_signs(spoiled: Spoiled) -> None:
    looks, weights = fit_shape(spoiled, CATALOGUE)
    features = np.stack([outline_features(crop) for crop in spoiled.crops])
    found = (features @ weights[:, :-1].T + weights[:, -1]).argmax(1)
    truth = np.array([looks.index(outline_of(CATALOGUE[int(label)])) for label in spoiled.labels])
    assert (found == truth).mean() > 0.97


def undecided(labels: np.typing.NDArray[np.int64]) -> FloatArray:
    """Return what a network says that hesitates between four classes, the true one among them."""
    probability = np.full((len(labels), len(CATALOGUE)), 1e-6, np.float32)
    probability[:, TWINS] = 0.2
    probability[np.arange(len(labels)), labels] += 0.01
    return probability


def test_drawings_are_trusted_as_far_as_they_were_right(spoiled: Spoiled) -> None:
    scale, offsets = fit_template(spoiled, undecided(spoiled.labels), CATALOGUE)
    shuffled = Spoiled(spoiled.crops[::-1].copy(), spoiled.labels, spoiled.sides, spoiled.signs)
    astray, _ = fit_template(shuffled, undecided(spoiled.labels), CATALOGUE)
    assert scale > 0.1
    assert astray < scale / 3
    names = tuple(CATALOGUE[class_id].name for class_id in TWINS)
    chosen = np.flatnonzero(np.isin(spoiled.labels, TWINS))
    fits = np.stack([scale * resemblance(spoiled.crops[i], 60.0, names) + offsets[TWINS] for i in chosen])
    assert (np.array(TWINS)[fits.argmax(1)] == spoiled.labels[chosen]).mean() > 0.9
