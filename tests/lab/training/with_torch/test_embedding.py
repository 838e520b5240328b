"""The loss of the embedding."""

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.lab.training.embedding import ELSEWHERE, Proxies
from signpipe.lab.training.embedding_data import UNLABELLED

SHARED = np.eye(4, dtype=bool)
SHARED[0, 1] = SHARED[1, 0] = True  # 0 and 1 mean the same


def proxies() -> Proxies:
    made = Proxies(SHARED, 4)
    with torch.no_grad():
        made.points.copy_(torch.eye(4))
    return made


def loss(features: list[float], look: int) -> float:
    with torch.no_grad():
        return float(proxies()(torch.tensor([features], dtype=torch.float32), torch.tensor([look])))


def test_a_picture_is_drawn_to_its_own_proxy() -> None:
    assert loss([0, 0, 1, 0], 2) < 0.1
    assert loss([0, 0, 0, 1], 2) > 5


def test_looks_that_mean_the_same_are_not_pushed_apart() -> None:
    assert loss([1, 1, 0, 0], 0) < loss([1, 0, 1, 0], 0) - 0.5


def test_what_is_no_sign_stays_away_from_all_proxies() -> None:
    far = [-1.0, -1.0, -1.0, -1.0]
    assert loss(far, 4) < 0.1
    assert loss([1, 0, 0, 0], 4) > 20 * (1 - ELSEWHERE) - 1


def test_what_is_not_labelled_teaches_nothing() -> None:
    features = torch.randn(3, 4, requires_grad=True)
    value = proxies()(features, torch.full((3,), UNLABELLED))
    value.backward()
    assert features.grad is not None
    assert value.item() == 0
    assert not features.grad.any()


def test_descending_separates_what_differs() -> None:
    torch.manual_seed(0)
    made = Proxies(np.eye(6, dtype=bool), 8)
    features = torch.nn.Parameter(torch.randn(24, 8))
    looks = torch.arange(24) % 7  # the last is no sign
    optimizer = torch.optim.Adam([features, *made.parameters()], 0.1)
    for _ in range(80):
        optimizer.zero_grad()
        made(features, looks).backward()
        optimizer.step()
    cosine = F.normalize(features, dim=1) @ F.normalize(made.points, dim=1).T
    signs = looks < 6
    assert (cosine[signs].argmax(1) == looks[signs]).all()
    assert cosine[signs].amax(1).min() > ELSEWHERE
    assert cosine[~signs].amax(1).max() < ELSEWHERE
