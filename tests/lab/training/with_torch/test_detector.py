"""Where a detector's training starts."""

from pathlib import Path

import torch

from signpipe.lab.training.detector_network import build_detector


def test_the_detector_starts_from_yolo26n_where_it_can(tmp_path: Path) -> None:
    given = {"model.0.conv.weight": torch.full((16, 3, 3, 3), 0.25), "model.16.cv1.conv.weight": torch.zeros(1)}
    torch.save(given, tmp_path / "weights.pt")
    state = build_detector("fast", tmp_path / "weights.pt").state_dict()
    assert (state["model.0.conv.weight"] == 0.25).all()
    assert state["model.15.cv1.conv.weight"].shape == (64, 256, 1, 1)  # another shape was given: left as it was


def test_the_detector_goes_on_from_an_earlier_checkpoint(tmp_path: Path) -> None:
    earlier = build_detector("fast").state_dict()
    torch.save({"averaged": earlier}, tmp_path / "last.pt")
    state = build_detector("fast", tmp_path / "last.pt").state_dict()
    assert all((state[name] == tensor).all() for name, tensor in earlier.items())
