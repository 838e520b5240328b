"""Connectionist temporal classification (Graves et al., 2006): from columns of a crop to the probability of a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from signpipe.types import FloatArray

# What the reader writes, in the order of its outputs after the blank: figures, the decimal point, what joins two
# times, units (t, m, km, km/h, h, mph, kg, yd, am, pm), per cent, feet and inches; and "?", writing that isn't one line
# of figures.
ALPHABET = "0123456789.-:tmkhpaydg/%'\"?"
BLANK = 0
CHARACTERS = ("blank", *ALPHABET)  # what the columns of the reader's output stand for
LEAST = -690.0  # log-probability of what is impossible


def encode(text: str) -> list[int]:
    """Return the numbers of a text's characters.

    Raises:
        ValueError: The reader can't write one of them.
    """
    unknown = set(text) - set(ALPHABET)
    if unknown:
        raise ValueError(f"the reader's alphabet has no {min(unknown)!r}")
    return [ALPHABET.index(character) + 1 for character in text]


def best_text(log_probability: FloatArray) -> str:
    """Return the text along the most probable path through one crop's columns.

    Args:
        log_probability: float32 (T, A), of each character in each column; the blank is the first.
    """
    path = log_probability.argmax(1)
    kept = path[(path != BLANK) & np.concatenate([[True], path[1:] != path[:-1]])]
    return "".join(ALPHABET[number - 1] for number in kept)


def text_log_probability(log_probability: FloatArray, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the log-probability of each text, over all its paths: float64 (len(texts),), none under `LEAST`.

    Args:
        log_probability: float32 (T, A), of each character in each column; the blank is the first.
        texts: Texts in the reader's alphabet; "" is one.

    Raises:
        ValueError: A text has a character that the reader can't write.
    """
    if not texts:
        return np.zeros(0)
    labels, skips = _paths(tuple(texts))
    # Products of 24 probabilities: what is too small for a float64 is no text that anyone asks about.
    columns = np.exp(log_probability.astype(np.float64))[:, labels]
    state = np.zeros(labels.shape)
    state[:, :2] = columns[0][:, :2]
    for column in columns[1:]:
        arrived = state.copy()
        arrived[:, 1:] += state[:, :-1]
        arrived[:, 2:] += state[:, :-2] * skips
        state = arrived * column
    rows, ends = np.arange(len(texts)), np.array([2 * len(text) for text in texts])
    total = state[rows, ends] + np.where(ends > 0, state[rows, np.maximum(ends - 1, 0)], 0.0)
    return np.asarray(np.log(np.maximum(total, np.exp(LEAST))), np.float64)


@lru_cache(maxsize=64)
def _paths(texts: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the characters of texts with a blank before, between and after, and 1 where a blank may be left out.

    That is only between two different characters.
    """
    labels = np.full((len(texts), max(2 * max(map(len, texts)) + 1, 2)), BLANK, np.int64)
    for row, text in zip(labels, texts, strict=True):
        row[1 : 2 * len(text) : 2] = encode(text)
    skips = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    return labels, skips.astype(np.float64)
