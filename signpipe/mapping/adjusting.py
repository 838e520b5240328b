"""Where signs stand, from all passes at once: their places and the drives' errors by robust linear least squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from signpipe.geodesy import Values
from signpipe.mapping.association import Sighting

ROUNDS = 4
ROBUST = 2.0  # spreads from which a sighting counts less
LEAST = 0.05  # metres; no receiver is better


def adjust(sightings: Sequence[Sighting], entries: int) -> tuple[Values, Values]:
    """Return the places (K, 2) of all entries in metres, and their covariances (K, 2, 2).

    Each sighting is its entry's place, plus its drive's error at the time, plus an error of its own. A drive's error
    wanders about zero (Ornstein and Uhlenbeck), so that signs that a good receiver saw too correct the places of
    their neighbours that only a bad one saw.
    """
    order = sorted(
        range(len(sightings)), key=lambda number: (sightings[number].sign.drive, sightings[number].sign.last)
    )
    ordered = [sightings[number] for number in order]
    count = len(ordered)
    whitening = np.array([np.linalg.cholesky(np.linalg.inv(one.own)).T for one in ordered])
    entry = np.array([one.entry for one in ordered])
    target = np.array([one.place for one in ordered])
    chain = _chain(ordered)
    weights = np.ones(count)
    for _ in range(ROUNDS):
        rooted = whitening * np.sqrt(weights)[:, None, None]
        design = _design(rooted, entry, entries, count)
        right = np.concatenate([np.einsum("nij,nj->ni", rooted, target).ravel(), np.zeros(chain.shape[0])])
        whole = sparse.vstack([design, _padded(chain, entries)]).tocsc()
        # An order for symmetric matrices: the drives' errors, which are chains, are eliminated almost without fill.
        solver = splu((whole.T @ whole).tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                      options={"SymmetricMode": True})  # fmt: skip
        solution = solver.solve(whole.T @ right)
        places = solution[: 2 * entries].reshape(-1, 2)
        errors = solution[2 * entries :].reshape(-1, 2)
        off = np.einsum("nij,nj->ni", whitening, target - places[entry] - errors)
        distance = np.hypot(*off.T)
        weights = np.minimum(1.0, ROBUST / np.maximum(distance, 1e-9))
    units = np.zeros((whole.shape[1], 2 * entries))
    units[np.arange(2 * entries), np.arange(2 * entries)] = 1.0
    inverse = solver.solve(units)
    blocks = [inverse[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] for k in range(entries)]
    return places, np.array(blocks)


def _padded(chain: sparse.csr_matrix, entries: int) -> sparse.csr_matrix:
    """Return the rows that chain the drives' errors, with empty columns for the entries before them."""
    return sparse.hstack([sparse.csr_matrix((chain.shape[0], 2 * entries)), chain])


def _design(rooted: Values, entry: Values, entries: int, count: int) -> sparse.csr_matrix:
    """Return the rows of the sightings: entries' places, then the drives' errors at each sighting."""
    rows = np.repeat(np.arange(2 * count).reshape(count, 2, 1), 2, axis=2)
    first = np.broadcast_to(2 * entry[:, None, None] + np.arange(2), (count, 2, 2))
    second = np.broadcast_to(2 * (entries + np.arange(count))[:, None, None] + np.arange(2), (count, 2, 2))
    return sparse.csr_matrix(
        (
            np.tile(rooted.ravel(), 2),
            (np.tile(rows.ravel(), 2), np.concatenate([first.ravel(), second.ravel()])),
        ),
        shape=(2 * count, 2 * (entries + count)),
    )


def _chain(ordered: Sequence[Sighting]) -> sparse.csr_matrix:
    """Return the rows that say how a drive's error wanders from one sighting to the next."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for number, one in enumerate(ordered):
        before = ordered[number - 1] if number and ordered[number - 1].sign.drive == one.sign.drive else None
        sigma = max(one.sign.shared, LEAST)
        kept = 0.0 if before is None else float(np.exp(-(one.sign.last - before.sign.last) / one.sign.reach))
        spread = max(sigma * np.sqrt(1 - kept**2), LEAST / 10)
        for axis in range(2):
            row = 2 * number + axis
            rows.append(row)
            columns.append(row)
            values.append(1 / spread)
            if before is not None:
                rows.append(row)
                columns.append(row - 2)
                values.append(-kept / spread)
    return sparse.csr_matrix((values, (rows, columns)), shape=(2 * len(ordered), 2 * len(ordered)))
