"""Ten signs outside the 43, from five pictures each or from the drawing alone: read as what they are, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from signpipe.catalogue import Category, Effect, Shape, SignClass, load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.few_shot.head import FewShotHead
from signpipe.lab.few_shot.change import with_class
from signpipe.lab.few_shot.examples import read_examples
from signpipe.lab.few_shot.photograph import photograph, source_of_drawing
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.runtime.session import Session, open_session
from signpipe.settings import FallbackSettings, RuntimeSettings
from signpipe.types import Classifications, FloatArray, Image
from tests.lab.few_shot.ten import CROP_MARGIN, NAMES, as_crops, drawing_of, photographs, write_examples

ACCEPT, NOVELTY = FallbackSettings().accept, FallbackSettings().novelty
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def session() -> Session:
    return open_session("classifier", RuntimeSettings(provider="cpu", threads=1), "classifier")


@pytest.fixture(scope="module")
def maker(session: Session) -> PrototypeMaker:
    return PrototypeMaker(session)


@pytest.fixture(scope="module")
def nothing_added(maker: PrototypeMaker) -> FewShotHead:
    return maker.head(CATALOGUE)


@pytest.fixture(scope="module", params=["five pictures", "drawing alone"])
def head(
    request: pytest.FixtureRequest,
    maker: PrototypeMaker,
    nothing_added: FewShotHead,
    tmp_path_factory: pytest.TempPathFactory,
) -> FewShotHead:
    folder, result = tmp_path_factory.mktemp("examples"), nothing_added
    for name in NAMES:
        if request.param == "drawing alone":
            examples = read_examples(None, drawing_of(name))
        else:
            examples = read_examples(write_examples(folder, name), None, CROP_MARGIN)
        sign = SignClass(0, name, name, "", Category.INFORMATION, Shape.RECTANGLE, 0.6, 0.6, Effect.INFORMATION)
        result = with_class(result, sign, maker(name, examples))
    return result


def observed(session: Session, crops: Image) -> Classifications:
    outputs = session.run(crops)
    return Classifications(outputs["probabilities"], outputs["embedding"], outputs["novelty"].reshape(len(crops)))


def published(observations: Classifications) -> npt.NDArray[np.int64]:
    sure = (observations.probability.max(1) >= ACCEPT) & (observations.novelty <= NOVELTY)
    return np.where(sure, observations.probability.argmax(1), -1)


@pytest.mark.slow
def test_ten_added_classes_are_read(head: FewShotHead, session: Session) -> None:
    says, truth, likeliest = [], [], []
    for name in NAMES:
        observations = head(observed(session, as_crops(photographs(name, 24, seed=2))))
        says.append(published(observations))
        likeliest.append(observations.probability.argmax(1))
        truth.append(np.full(len(observations), head.catalogue.by_name(name).id))
    said, true, likely = np.concatenate(says), np.concatenate(truth), np.concatenate(likeliest)
    assert (likely == true).mean() >= 0.8
    assert (said == true).mean() >= 0.4
    assert ((said >= 0) & (said != true)).mean() <= 0.05


@pytest.mark.slow
def test_known_signs_stay_what_they_are(head: FewShotHead, session: Session) -> None:
    rng = np.random.default_rng(4)
    drawings = [render_drawing(sign.name, 256) for sign in CATALOGUE for _ in range(8)]
    crops = [photograph(source_of_drawing(drawing, rng), rng, 48) for drawing in drawings]
    before = observed(session, np.stack(crops))
    after = head(before)
    assert (published(after) < len(CATALOGUE)).mean() >= 0.995
    truth = np.repeat(np.arange(len(CATALOGUE)), 8)
    right = [(one.probability.argmax(1) == truth).mean() for one in (before, after)]
    assert right[1] >= right[0] - 0.01
    assert (published(after) >= 0).sum() >= 0.97 * (published(before) >= 0).sum()


@pytest.mark.slow
def test_added_classes_take_only_what_is_theirs(head: FewShotHead, session: Session) -> None:
    before = observed(session, as_crops(photographs("no_parking", 16, seed=3)))
    after = head(before)
    left = 1 - after.probability[:, 43:].sum(1)
    assert after.probability.shape == (16, 53)
    assert after.probability.dtype == after.novelty.dtype == np.float32
    np.testing.assert_allclose(after.probability[:, :43], before.probability * left[:, None], atol=1e-6)
    np.testing.assert_allclose(after.novelty, before.novelty * left, atol=1e-6)
    assert (after.known_mass <= 1 + 1e-5).all()


@pytest.mark.slow
def test_what_was_not_looked_at_speaks_for_none(head: FewShotHead) -> None:
    embedding = np.zeros((2, head.known.shape[1]), np.float32)
    embedding[1] = np.nan
    assert head.probability(embedding).max() < 1e-3


@pytest.mark.slow
def test_the_same_examples_give_the_same_prototype(maker: PrototypeMaker, tmp_path: Path) -> None:
    examples = read_examples(write_examples(tmp_path, "town"), drawing_of("town"), CROP_MARGIN)
    np.testing.assert_array_equal(maker("town", examples), maker("town", examples))
    assert np.linalg.norm(maker("town", examples)) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_looks_at_one_sign_spread_less_than_signs_do_where_cosines_are_taken(
    maker: PrototypeMaker, nothing_added: FewShotHead
) -> None:
    assert nothing_added.metric is not None
    looks = np.stack([maker.embed(as_crops(photographs(name, 16, seed=4))) for name in NAMES])

    def between(metric: FloatArray | None) -> float:
        """Return the mean cosine of prototypes of different signs, over that of looks to their own one."""
        head = replace(nothing_added, prototypes=np.stack([maker.of_views(one) for one in looks]), metric=metric)
        first = len(head.known)
        own = np.mean([head.cosine(one)[:, first + row].mean() for row, one in enumerate(looks)])
        others = head.cosine(head.prototypes)[:, first:]
        return float(others[~np.eye(len(looks), dtype=bool)].mean() / own)

    assert between(nothing_added.metric) < between(None) - 0.1
    scaled = replace(nothing_added, metric=3 * nothing_added.metric)
    embedding = looks.reshape(-1, looks.shape[2])
    np.testing.assert_allclose(scaled.cosine(embedding), nothing_added.cosine(embedding), atol=1e-5)
