"""signpipe: real-time road-sign recognition that says how sure it is.

    import signpipe

    with signpipe.watch("drive.mp4") as results:
        for result in results:
            for advisory in result.advisories:
                print(result.frame.media_time, advisory.message, advisory.confidence)

`watch` wires everything for one source: camera, stream, recording or pictures. For a loop of your own:

    with signpipe.Pipeline() as pipeline:
        result = pipeline(image)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.catalogue import Catalogue, load_catalogue
    from signpipe.pipeline import Pipeline
    from signpipe.runtime.session import Models, open_models
    from signpipe.settings import Settings, load_settings
    from signpipe.sources import open_source
    from signpipe.types import Advisory, Detections, Frame, FrameResult, Gap, SignTrack
    from signpipe.watching import Watch, watch

__version__ = VERSION
__all__ = [
    "Advisory",
    "Catalogue",
    "Detections",
    "Frame",
    "FrameResult",
    "Gap",
    "Models",
    "Pipeline",
    "Settings",
    "SignTrack",
    "Watch",
    "load_catalogue",
    "load_settings",
    "open_models",
    "open_source",
    "watch",
]

# Loaded when first asked for (PEP 562), so that a part, such as the data loaders, doesn't load ONNX Runtime.
_HOMES = {
    "Catalogue": "catalogue",
    "Models": "runtime.session",
    "Pipeline": "pipeline",
    "Settings": "settings",
    "Watch": "watching",
    "load_catalogue": "catalogue",
    "load_settings": "settings",
    "open_models": "runtime.session",
    "open_source": "sources",
    "watch": "watching",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'signpipe' has no attribute {name!r}")
    return getattr(import_module(f"signpipe.{_HOMES.get(name, 'types')}"), name)
