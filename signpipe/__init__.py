"""signpipe: real-time road-sign recognition that says how sure it is.

    from signpipe import Pipeline, open_source

    with Pipeline() as pipeline:
        for result in pipeline.run(open_source("drive.mp4")):
            for advisory in result.advisories:
                print(result.frame.media_time, advisory.message, advisory.confidence)

`open_source` gives the plain frames of a source; `signpipe.stages.capture.Capture` adds the reader thread,
reconnection and the stall watchdog that a live source needs.
"""

__version__ = "0.1.0"

from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.sources import open_source
from signpipe.types import Advisory, Frame, FrameResult, Gap, SignTrack

__all__ = ["Advisory", "Frame", "FrameResult", "Gap", "Pipeline", "Settings", "SignTrack", "__version__", "open_source"]
