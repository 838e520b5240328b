"""What the trainings of classifier and reader share: averaged weights, and checkpoints to go on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from signpipe.errors import SourceError
from signpipe.lab.training.export import load_checkpoint, save_checkpoint
from signpipe.lab.training.report import describe_machine

Net = TypeVar("Net", bound=nn.Module)


class AveragedRun(Generic[Net]):
    """One training run: its network, averaged weights, optimiser and history, in a folder of checkpoints.

    Args:
        net: The network that training starts from, where it is trained.
        average: Share of the averaged weights that a step keeps.
        steps: Steps a round.
        out: Folder for the checkpoint.

    Attributes:
        optimizer: Set by whoever knows what is trained.
    """

    optimizer: torch.optim.Optimizer

    def __init__(self, net: Net, average: float, steps: int, out: Path) -> None:
        self.net = net
        self.out = out
        self.steps = steps
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.averages = AveragedModel(net, avg_fn=_moved_towards(average), use_buffers=True)

    @property
    def averaged(self) -> Net:
        """The network with the averaged weights and statistics of its normalisation."""
        net: Net = self.averages.module
        return net

    def take_up(self, plan: dict[str, Any], plan_of: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Go on from the last checkpoint, and return all that it holds.

        Args:
            plan: The plan of this run, without what may change.
            plan_of: Returns the same of what a checkpoint holds.

        Raises:
            SourceError: There is no checkpoint, or it was trained by another plan.
        """
        state = load_same_run(self.out / "last.pt", plan, plan_of)
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.averages.n_averaged.fill_(max(state["epoch"] * self.steps, 1))
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.history = state["epoch"], state["history"]
        return state

    def write(self, plan: dict[str, Any], **further: Any) -> None:
        """Write the checkpoint, with what else a training needs to go on."""
        state = {
            "plan": plan,
            "machine": describe_machine(plan["threads"]),
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
        }
        save_checkpoint(self.out / "last.pt", state | further)


def load_same_run(
    path: Path, plan: dict[str, Any], plan_of: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Return what a checkpoint holds, if it is of a run by the same plan.

    Args:
        path: The checkpoint.
        plan: Of this run, without what may change.
        plan_of: Returns the same of what a checkpoint holds.

    Raises:
        SourceError: There is no checkpoint, or it was trained by another plan.
    """
    state = load_checkpoint(path)
    if plan_of(state) != plan:
        raise SourceError(f"The checkpoint {path} was trained with other settings; repeat them or drop --resume.")
    return state


def _moved_towards(most: float) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return how an average follows the network: slowly in the end, keeping a share `most`, but faster at first."""

    def moved(mean: torch.Tensor, new: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        keep = min(most, float((1 + steps) / (10 + steps)))
        return mean.lerp(new, 1 - keep) if mean.dtype.is_floating_point else new

    return moved
