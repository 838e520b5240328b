"""How well a country's signs are named, counted on a handful of made-up looks."""

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.few_shot.head import PackHead
from signpipe.few_shot.pack import DrawnPrototypes
from signpipe.lab.data.meant import NO_SIGN, UNNAMED
from signpipe.lab.evaluation.country import Photographed, naming, of_clutter, publishing
from signpipe.settings import FallbackSettings
from signpipe.types import Classifications, FloatArray

BELGIUM = load_country("be")
NAMES = BELGIUM.catalogue.names
KNOWN = len(load_catalogue())


def told(*answers: tuple[str, float]) -> Classifications:
    probability = np.zeros((len(answers), len(NAMES)), np.float32)
    for row, (name, confidence) in enumerate(answers):
        probability[row, NAMES.index(name)] = confidence
    return Classifications(probability, np.zeros((len(answers), 4), np.float32), np.zeros(len(answers), np.float32))


def shown(*signs: tuple[str, float]) -> Photographed:
    crops = np.zeros((len(signs), 8, 8, 3), np.uint8)
    meanings, sides = zip(*signs, strict=True)
    return Photographed(crops, meanings, np.array(sides, np.float32), ("btsd",) * len(signs))


ANSWERS = told(("no_parking", 0.99), ("stop", 0.99), ("stop", 0.6), ("dead_end", 0.97), ("stop", 0.99), ("stop", 0.99))
SIGNS = shown(
    ("no_parking", 40), ("give_way", 40), ("stop", 20), ("speed_limit_5", 40), (NO_SIGN, 40), (UNNAMED, 40)
)  # fmt: skip


def test_only_signs_that_the_country_has_count_as_named() -> None:
    found = naming(ANSWERS, SIGNS, BELGIUM.catalogue)
    assert (found["n"], found["share"]) == (2, 0.5)
    assert (found["by_side"]["16-24"]["n"], found["by_side"]["16-24"]["share"]) == (1, 1.0)
    assert found["by_shape"]["circle"]["share"] == 1
    assert found["confusions"] == [{"true": "give_way", "named": "stop", "n": 1}]


def test_whatever_is_published_of_a_sign_that_the_country_lacks_is_wrong() -> None:
    found = publishing(ANSWERS, SIGNS, BELGIUM.catalogue, FallbackSettings(accept=0.95))
    assert (found["n"], found["published"], found["wrong"]["share"]) == (4, 4, 0.75)
    assert found["by_level"]["0.98"] == {"published": 3, "wrong": 2}


def test_clutter_that_is_sure_of_a_sign_is_published() -> None:
    found = of_clutter(ANSWERS, BELGIUM.catalogue, FallbackSettings(accept=0.95))
    assert found["share"] == pytest.approx(5 / 6)
    assert found["taken_for"][0] == {"sign": "stop", "n": 3}


def unit(*values: float) -> FloatArray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


PROTOTYPES = DrawnPrototypes(
    ("own:stop", "regulatory--no-parking--g1", "photograph:no_parking"),
    np.stack([unit(1, 0, 0, 0), unit(0, 1, 0, 0), unit(0, 0, 1, 0)]), "", 20.0, 0.6,
)  # fmt: skip


def look(head: PackHead, embedding: FloatArray, **network: float) -> dict[str, float]:
    probability = np.zeros((1, KNOWN), np.float32)
    for name, confidence in network.items():
        probability[0, NAMES.index(name)] = confidence
    result = head(Classifications(probability, embedding[None], np.array([0.8], np.float32)))
    return {name: float(p) for name, p in zip(NAMES, result.probability[0], strict=True)} | {
        "novelty": float(result.novelty[0])
    }


def test_a_sign_beyond_the_known_is_named_by_its_nearest_prototype() -> None:
    head = PROTOTYPES.head(BELGIUM)
    for place in (1, 2):
        seen = look(head, np.eye(4, dtype=np.float32)[place])
        assert seen["no_parking"] > 0.95
        assert seen["novelty"] < 0.1  # what a head names isn't new
    assert look(PROTOTYPES.head(BELGIUM, photographs=False), np.eye(4, dtype=np.float32)[2])["no_parking"] < 0.05


def test_network_and_prototypes_must_agree_on_a_known_sign() -> None:
    head = PROTOTYPES.head(BELGIUM)
    assert look(head, unit(1, 0, 0, 0), stop=0.99)["stop"] > 0.95
    assert look(head, unit(0, 1, 0, 0), stop=0.6)["no_parking"] > 0.95
    assert max(look(head, unit(0, 0, 0, 1), stop=0.0).values()) == pytest.approx(0.8, abs=0.01)  # the novelty stays


def test_what_the_country_does_not_have_is_never_named() -> None:
    absent = next(sign.name for sign in BELGIUM.catalogue if not sign.present)
    assert look(PROTOTYPES.head(BELGIUM), unit(0, 0, 0, 1), **{absent: 0.99})[absent] == 0


def test_signs_without_a_prototype_are_told() -> None:
    nameless = PROTOTYPES.nameless(BELGIUM)
    assert "no_parking" not in nameless
    assert "dead_end" in nameless
    assert "stop" not in nameless
