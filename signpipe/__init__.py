"""signpipe: real-time road-sign recognition that says how sure it is.

    from signpipe import Pipeline, open_source

    with Pipeline() as pipeline:
        for result in pipeline.run(open_source("drive.mp4")):
            for advisory in result.advisories:
                print(result.frame.media_time, advisory.message, advisory.confidence)

`open_source` gives the plain frames of a source; `signpipe.stages.capture.Capture` adds the reader thread,
reconnection and the stall watchdog that a live source needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.pipeline import Pipeline
    from signpipe.settings import Settings
    from signpipe.sources import open_source
    from signpipe.types import Advisory, Frame, FrameResult, Gap, SignTrack

__version__ = VERSION
__all__ = ["Advisory", "Frame", "FrameResult", "Gap", "Pipeline", "Settings", "SignTrack", "open_source"]

# Loaded when first asked for (PEP 562), so that a part, such as the data loaders, doesn't load ONNX Runtime.
_HOMES = {"Pipeline": "pipeline", "Settings": "settings", "open_source": "sources"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'signpipe' has no attribute {name!r}")
    return getattr(import_module(f"signpipe.{_HOMES.get(name, 'types')}"), name)
