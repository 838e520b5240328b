"""The loss of the embedding: each look has a proxy, a point on the sphere that its pictures are drawn to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.lab.training.embedding_data import UNLABELLED

SCALE = 20.0  # a cosine of 0.05 more makes a look e times as likely
MARGIN = 0.12  # by which a picture must be nearer to its own proxy
ELSEWHERE = 0.45  # cosine at which what is no sign is as likely


class Proxies(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """A softmax over cosines with a margin (Wang et al., CosFace, CVPR 2018), and one answer more: none of them.

    Looks that mean or show the same aren't pushed apart. What is no sign has to stay away from all proxies, and a sign
    has to be nearer to its own than a fixed cosine, so that one threshold tells what isn't in a user's catalogue.

    Args:
        shared: bool (K, K), looks that mean or show the same.
        dimensions: Length of the embedding.
    """

    def __init__(self, shared: npt.NDArray[np.bool_], dimensions: int) -> None:
        super().__init__()
        self.points = nn.Parameter(F.normalize(torch.randn(len(shared), dimensions), dim=1))
        self.register_buffer("shared", torch.from_numpy(shared & ~np.eye(len(shared), dtype=bool)), persistent=False)

    def forward(self, features: torch.Tensor, looks: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of features (N, D) with looks (N,): numbers of proxies, K for no sign, or unlabelled."""
        labelled = looks != UNLABELLED
        if not bool(labelled.any()):
            return features.sum() * 0
        features, looks = features[labelled], looks[labelled]
        cosine = F.normalize(features, dim=1) @ F.normalize(self.points, dim=1).T
        count = cosine.shape[1]
        is_look = looks < count
        rows = torch.arange(len(looks), device=looks.device)[is_look]
        margin = torch.zeros_like(cosine)
        margin[rows, looks[is_look]] = MARGIN
        hidden = torch.zeros_like(cosine, dtype=torch.bool)
        hidden[rows] = self.shared[looks[is_look]]
        scores = (SCALE * (cosine - margin)).masked_fill(hidden, -torch.inf)
        elsewhere = torch.full_like(scores[:, :1], SCALE * ELSEWHERE)
        return F.cross_entropy(torch.cat([scores, elsewhere], 1), looks)
