"""Which provider really runs which node of a model: what ONNX Runtime recorded, not what was asked for."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signpipe.runtime.providers import PROVIDERS, create_session
from signpipe.runtime.session import Session
from signpipe.types import Image


@dataclass(frozen=True, slots=True)
class Share:
    """What one provider ran of a model.

    Attributes:
        nodes: Number of nodes after optimisation; nodes that were fused count once.
        time_share: Their share of the time of all nodes, 0..1.
    """

    nodes: int
    time_share: float


def place_nodes(session: Session, array: Image, threads: int) -> dict[str, Share]:
    """Run a model's file once more, with ONNX Runtime's profiler on, and return what each provider ran.

    Args:
        session: The open model, whose first provider is asked for again.
        array: An input for it.
        threads: Threads of a run on the CPU; 0 is one a core.

    Returns:
        By the provider's name at ONNX Runtime. A graph that a provider compiles as a whole counts as one node.
    """
    provider = next(name for name, long in PROVIDERS.items() if long == session.providers[0])
    with tempfile.TemporaryDirectory() as folder:
        runner: Any = create_session(str(session.entry.path), provider, threads, Path(folder) / "nodes")
        names = [output.name for output in session.entry.outputs]
        runner.run(names, {session.entry.input.name: array})
        events = json.loads(Path(runner.end_profiling()).read_text(encoding="utf-8"))
    ran = [event for event in events if event.get("cat") == "Node" and "provider" in event.get("args", {})]
    everything = sum(event["dur"] for event in ran) or 1
    shares = {}
    for name in sorted({event["args"]["provider"] for event in ran}):
        own = [event for event in ran if event["args"]["provider"] == name]
        shares[name] = Share(len({event["name"] for event in own}), round(sum(e["dur"] for e in own) / everything, 4))
    return shares
