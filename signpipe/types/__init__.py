"""What flows between the stages.

Conventions: pictures are BGR uint8 (H, W, 3); boxes are xyxy float32 in pixels of the source picture, x to the
right and y down, with the right and bottom edge exclusive; times are in seconds.
"""

from signpipe.types.arrays import FloatArray, Image
from signpipe.types.detections import SHAPES, UNKNOWN_SHAPE, Classifications, Detections, ShapeArray
from signpipe.types.figures import SURE_FIGURES, FiguresRead
from signpipe.types.frame import LARGEST_DISORDER, Frame, Gap, Motion, Pose, Prepared
from signpipe.types.plates import Condition, ConditionKind, Plate, Surroundings, TimeSpan
from signpipe.types.result import Advisory, AdvisoryStatus, Alternative, FrameResult
from signpipe.types.signs import Certainty, SignTrack, TrackState, Verdict
from signpipe.types.source import Source, SourceInfo

__all__ = [
    "LARGEST_DISORDER",
    "SHAPES",
    "SURE_FIGURES",
    "UNKNOWN_SHAPE",
    "Advisory",
    "AdvisoryStatus",
    "Alternative",
    "Certainty",
    "Classifications",
    "Condition",
    "ConditionKind",
    "Detections",
    "FiguresRead",
    "FloatArray",
    "Frame",
    "FrameResult",
    "Gap",
    "Image",
    "Motion",
    "Plate",
    "Pose",
    "Prepared",
    "ShapeArray",
    "SignTrack",
    "Source",
    "SourceInfo",
    "Surroundings",
    "TimeSpan",
    "TrackState",
    "Verdict",
]
