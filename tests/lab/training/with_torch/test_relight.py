"""Training crops are shown in another light each time."""

from __future__ import annotations

import torch

from signpipe.lab.training.relight import relit

CROPS = torch.randint(40, 200, (400, 48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_half_of_the_crops_change_and_each_keeps_what_it_shows() -> None:
    lit = relit(CROPS, torch.Generator().manual_seed(1))
    assert lit.shape == CROPS.shape
    assert lit.dtype == torch.uint8
    changed = (lit != CROPS).flatten(1).any(1)
    assert 0.4 < changed.float().mean() < 0.6
    for before, after in zip(CROPS[changed], lit[changed], strict=True):
        pair = torch.stack([before.flatten(), after.flatten()]).float()
        assert torch.corrcoef(pair)[0, 1] > 0.4


def test_the_light_is_another_each_time_and_the_same_for_a_seed() -> None:
    generator = torch.Generator().manual_seed(2)
    one, two = relit(CROPS, generator), relit(CROPS, generator)
    assert not torch.equal(one, two)
    assert torch.equal(one, relit(CROPS, torch.Generator().manual_seed(2)))
