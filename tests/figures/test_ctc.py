"""The probability of a text over all paths through a crop's columns."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.figures.ctc import ALPHABET, BLANK, LEAST, best_text, encode, text_log_probability
from signpipe.types import FloatArray


def columns(seed: int, count: int, characters: int) -> FloatArray:
    """Return random log-probabilities of a few characters; those of all others are next to nothing."""
    logits = np.full((count, len(ALPHABET) + 1), -60.0, np.float32)
    logits[:, :characters] = np.random.default_rng(seed).normal(0, 2, (count, characters))
    return np.asarray(logits - np.logaddexp.reduce(logits, 1, keepdims=True), np.float32)


def read(path: tuple[int, ...]) -> str:
    kept = [b for a, b in pairwise((BLANK, *path)) if b not in (a, BLANK)]
    return "".join(ALPHABET[number - 1] for number in kept)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_it_is_the_sum_over_all_paths_and_all_texts_together_are_certain(seed: int, count: int) -> None:
    one = columns(seed, count, 3)
    by_text: dict[str, float] = {}
    for path in product(range(3), repeat=count):
        probability = float(np.exp(sum(one[i, number] for i, number in enumerate(path))))
        by_text[read(path)] = by_text.get(read(path), 0.0) + probability
    found = np.exp(text_log_probability(one, list(by_text)))
    assert found == pytest.approx(list(by_text.values()), abs=1e-6)
    assert found.sum() == pytest.approx(1, abs=1e-4)


def test_the_best_path_joins_what_repeats_and_leaves_out_the_blank() -> None:
    path = [0, 2, 2, 0, 1, 1, 0, 1, 0]
    one = np.log(np.full((len(path), len(ALPHABET) + 1), 1e-4, np.float32))
    one[np.arange(len(path)), path] = 0.0
    assert best_text(one) == "100"
    assert np.exp(text_log_probability(one, ["100"])[0]) > 0.99


def test_a_text_that_is_longer_than_the_columns_can_hold_is_impossible() -> None:
    one = columns(0, 2, 12)
    assert text_log_probability(one, ["123", "11", "12"]).tolist()[:2] == [LEAST, LEAST]
    assert text_log_probability(one, []).shape == (0,)


def test_what_the_reader_cant_write_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'x'"):
        encode("5x")
