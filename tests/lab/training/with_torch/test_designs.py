"""Designs of what follows the residual blocks all take and give the same, and learn."""

from __future__ import annotations

import pytest
import torch

from signpipe.lab.training.designs import DESIGNS, take_trunk
from signpipe.lab.training.network import SignNet

CROPS = torch.randn(4, 4, 48, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_scores_and_says_what_it_sees(name: str) -> None:
    net = DESIGNS[name]().eval()
    logits, features, seen = net(CROPS)
    assert logits.shape == (4, 44)
    assert features.shape[0] == 4
    assert seen.shape == (4, 6, 6)
    targets = torch.zeros(4, 44)
    targets[:, 3] = 1
    loss = torch.nn.functional.cross_entropy(logits, targets) + net.auxiliary(features, targets)
    loss.backward()
    assert net.blocks[4].second.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", DESIGNS)
def test_the_blocks_of_a_trained_network_are_taken_over(name: str) -> None:
    trained, net = SignNet(), DESIGNS[name]()
    take_trunk(net, trained.state_dict())
    for key, tensor in trained.state_dict().items():
        if key.startswith(("stem.", "blocks.")):
            assert torch.equal(net.state_dict()[key], tensor)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="other blocks"):
        take_trunk(SignNet(), {"blocks.9.first.weight": torch.zeros(1)})


def test_what_is_hidden_says_nothing_in_a_bag_of_parts() -> None:
    net = DESIGNS["parts"]().eval()
    with torch.no_grad():
        net.gate.weight.zero_()
        net.gate.bias.fill_(-50.0)  # nothing can be seen
        logits, _, _ = net(CROPS)
    assert torch.allclose(logits, net.prior.expand(4, -1), atol=1e-5)
