"""The sections of the configuration that every run needs, from capture to output."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class BufferPolicy(StrEnum):
    """What the capture stage does when the pipeline is busy."""

    AUTO = "auto"  # DROP_OLDEST for live sources, WAIT for recordings
    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"


AUTO = "auto"
DAY = 86400.0  # seconds; no wait is longer, and the clocks of the operating system can't count for ever


class Section(BaseModel):
    """Base of all sections: an unknown key is an error, not a silent typo, and every number is finite."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class CountrySettings(Section):
    """Whose signs stand by the road."""

    code: str = Field(
        "de",
        min_length=1,
        description="Country, such as de, be or us, the path of a TOML file of one's own, or auto.",
    )
    prototypes: Path | None = Field(
        None, description="File of `signpipe countries build`; none takes the one that ships with the models."
    )


class CaptureSettings(Section):
    """Where frames come from and how they are buffered."""

    policy: BufferPolicy = Field(
        BufferPolicy.AUTO,
        description="What to do when the pipeline is busy; with drop_oldest, a recording plays at its rate.",
    )
    buffer: int = Field(4, ge=1, le=256, description="Frames read ahead from a recording; live sources hold one.")
    fps: float | None = Field(
        None,
        ge=0.001,
        le=1000,
        description="Rate of an image sequence or of a recording played live, or the rate asked of a camera.",
    )
    independent: bool = Field(False, description="Pictures of a folder are unrelated: no tracking.")
    topic: str | None = Field(
        None, description="Topic of the pictures in a recording of MCAP or ROS; none takes the only one that has some."
    )
    position_topic: str | None = Field(
        None, description="Topic of the positions in it: NAME, or none in quotes to leave them out."
    )
    lidar_topic: str | None = Field(
        None, description="Topic of the LiDAR's point clouds in it: NAME, or none in quotes to leave them out."
    )
    loop: int = Field(1, ge=0, description="How often a recording is played; 0 is for ever.")
    width: int | None = Field(None, ge=16, le=16384, description="Width asked of a camera.")
    height: int | None = Field(None, ge=16, le=16384, description="Height asked of a camera.")
    exposure: float | None = Field(
        None, description="Camera exposure in the driver's own unit; none leaves it automatic."
    )
    gain: float | None = Field(None, description="Camera gain in the driver's own unit.")
    white_balance: float | None = Field(
        None, description="Camera colour temperature in kelvin; none leaves it automatic."
    )
    backlight: float | None = Field(None, description="Backlight compensation, in the driver's own unit.")
    wide_dynamic_range: bool | None = Field(None, description="Wide-dynamic-range mode, where the driver has it.")
    rtsp_transport: Literal["auto", "tcp", "udp"] = Field(
        "auto", description="How RTSP sends its pictures; auto takes UDP only where the camera has no TCP."
    )
    redirects: bool = Field(True, description="Follow a web server that sends on to another address.")
    deinterlace: Literal["auto", "on", "off"] = Field(
        "auto", description="Deinterlace video: auto does so where the stream says that it is interlaced."
    )
    open_timeout: float = Field(10.0, gt=0, le=DAY, description="Longest time to open a stream or camera.")
    stall_timeout: float = Field(
        3.0, gt=0, le=DAY, description="A live read that takes longer is abandoned and the source reopened."
    )
    gap_after: float = Field(
        0.5, gt=0, le=DAY, description="Without a live frame for this long, a gap is reported downstream."
    )
    reconnect: bool = Field(True, description="Reopen a live source that was lost.")
    reconnect_first: float = Field(0.5, gt=0, le=DAY, description="First wait before reopening; doubles each time.")
    reconnect_longest: float = Field(30.0, gt=0, le=DAY, description="Longest wait before reopening.")
    reconnect_attempts: int = Field(0, ge=0, description="Give up after so many failed tries in a row; 0 is never.")


class PreprocessSettings(Section):
    """What is done to the picture before detection."""

    megapixels: float = Field(
        25.0,
        ge=0.1,
        le=1000,
        description="A larger picture is searched at this size, in 10^6 pixels: each takes about 50 MB of memory.",
    )
    reduce_from: int = Field(
        1600,
        ge=0,
        description="Longer side in pixels from which a picture is also searched for large signs, at a third of its "
        "size (a ninth of the time); 0 never does so.",
    )
    roi_top: float = Field(
        0.0, ge=0, lt=1, description="Upper edge of the band that is searched, as a fraction of the height."
    )
    roi_bottom: float = Field(1.0, gt=0, le=1, description="Lower edge of the band, as a fraction of the height.")
    denoise: Literal["off", "gaussian", "median", "bilateral"] = Field("off", description="Noise filter.")
    denoise_size: int = Field(3, ge=3, le=15, description="Size of the noise filter's window (odd).")
    contrast: Literal["off", "on", "auto"] = Field(
        "auto", description="CLAHE on luminance; auto does so for dark or flat frames only."
    )
    clahe_clip: float = Field(2.0, gt=0, le=40, description="Clip limit of CLAHE.")
    clahe_tiles: int = Field(8, ge=1, le=64, description="Tiles of CLAHE along each side.")
    dark_below: float = Field(60.0, ge=0, le=255, description="A frame with a lower mean luminance counts as dark.")
    flat_below: float = Field(
        25.0, ge=0, le=128, description="A frame with a lower spread of luminance counts as flat."
    )
    gamma: float = Field(1.0, gt=0, le=5, description="Gamma; below 1 brightens.")
    grey_world: bool = Field(False, description="Remove a colour cast by the grey-world assumption.")

    @model_validator(mode="after")
    def _check(self) -> PreprocessSettings:
        if self.roi_bottom - self.roi_top < 0.05:
            raise ValueError(
                "the region of interest must be at least 0.05 of the height: raise roi_bottom or lower roi_top"
            )
        if self.denoise_size % 2 == 0:
            raise ValueError("denoise_size must be odd")
        return self


class DetectSettings(Section):
    """The detector."""

    model: str = Field("detector-fast", description="Name in the model manifest, or path of an ONNX file.")
    score: float = Field(0.25, gt=0, lt=1, description="Lowest score of a detection.")
    low_score: float = Field(0.01, gt=0, lt=1, description="Lowest score of the raw candidates written for evaluation.")
    iou: float = Field(0.5, gt=0, le=1, description="Overlap (IoU) over which the weaker of two boxes is dropped.")
    maximum: int = Field(100, ge=1, le=1000, description="Most detections per frame.")
    raw: bool = Field(False, description="Keep every candidate over low_score for evaluation.")


class PlausibilitySettings(Section):
    """What a sign can look like; what breaks a rule is dropped and counted."""

    smallest: float = Field(10.0, ge=0, description="Smallest side in pixels.")
    largest: float = Field(0.6, gt=0, le=1, description="Largest side as a fraction of the picture's height.")
    aspect_lowest: float = Field(0.4, gt=0, description="Lowest width over height.")
    aspect_highest: float = Field(1.8, gt=0, description="Highest width over height.")
    board_aspect_lowest: float = Field(0.2, gt=0, description="Lowest width over height of boards and plates.")
    board_aspect_highest: float = Field(6.0, gt=0, description="Highest width over height of boards and plates.")
    border: float = Field(
        0.0, ge=0, description="Boxes closer to the picture's edge than this are dropped; 0 keeps them."
    )
    top: float = Field(0.0, ge=0, le=1, description="Centres above this fraction of the height are dropped.")
    bottom: float = Field(1.0, ge=0, le=1, description="Centres below this fraction of the height are dropped.")


class ClassifySettings(Section):
    """The classifier."""

    model: str = Field("classifier", description="Name in the model manifest, or path of an ONNX file.")
    maximum: int = Field(64, ge=1, description="Most crops per frame; the highest scores go first.")
    few_shot: Path | None = Field(
        None, description="Folder of classes added by `signpipe classes add`; none knows the catalogue's only."
    )


class TrackSettings(Section):
    """Following a sign over frames, and adding up what they say of its class."""

    confirm_after: float = Field(0.12, ge=0, description="Seconds from the first detection to a confirmed track.")
    confirm_hits: int = Field(3, ge=1, description="And so many detections, where pictures come fast.")
    confirm_within: float = Field(
        0.6,
        gt=0,
        description="Where fewer pictures than that are taken in so many seconds, as many as are: at least one.",
    )
    confirm_score: float = Field(
        0.5, ge=0, le=1, description="A single detection makes a track only from this score of the detector on."
    )
    tentative_timeout: float = Field(0.25, gt=0, description="A tentative track dies after so many seconds unseen.")
    tentative_frames: float = Field(1.6, gt=0, description="And not before so many usual intervals between pictures.")
    coast_timeout: float = Field(0.8, gt=0, description="A confirmed track is shown for so many seconds unseen.")
    coast_frames: float = Field(2.6, gt=0, description="And for so many usual intervals between pictures.")
    recall_timeout: float = Field(2.0, gt=0, description="It may be found again after up to so many seconds unseen.")
    gate: float = Field(
        20.0, gt=0, description="Squared Mahalanobis distance over which a detection can't match (chi2, 4 dof)."
    )
    appearance: float = Field(1.0, ge=0, description="Weight of what two looks have in common; 0 ignores it.")
    forgetting: float = Field(8.0, gt=0, description="Seconds in which old class evidence loses half its weight.")
    size_reference: float = Field(
        4.0, gt=0, description="A crop of this side in pixels has weight one half of a large one's."
    )
    weight: float = Field(
        1.0, gt=0, le=1, description="A look counts so much, times what it tells beyond the one before it."
    )
    worthless: float = Field(
        0.01, gt=0, lt=0.5, description="Chance that a look says nothing of the sign, which bounds what it can claim."
    )
    independent_after: float = Field(
        1.0, gt=0, description="A look that comes so many seconds after the last tells 63 % of what a first one does."
    )
    hold: float = Field(1.5, ge=0, description="Log-odds by which another class must lead to replace the held one.")


class DecideSettings(Section):
    """From signs to advisories: how long each stays valid without being renewed."""

    limit_expiry: float = Field(300.0, gt=0, description="Seconds until a speed limit goes stale.")
    limit_expiry_metres: float = Field(
        5000.0, gt=0, description="Metres until a speed limit goes stale, where speed is known."
    )
    ban_expiry: float = Field(300.0, gt=0, description="Seconds until an overtaking ban goes stale.")
    ahead_expiry: float = Field(
        8.0, gt=0, description="Seconds for what lies just ahead: stop, give way, dangers, directions."
    )
    ahead_expiry_metres: float = Field(150.0, gt=0, description="Metres for the same, where speed is known.")
    priority_expiry: float = Field(120.0, gt=0, description="Seconds until priority goes stale.")
    uncertain_expiry: float = Field(4.0, gt=0, description="Seconds for an uncertain sign.")
    uncertain_size: float = Field(
        40.0, ge=0, description="Side in pixels from which an unread sign is announced by its category alone."
    )
    conflict_window: float = Field(
        2.0, ge=0, description="Signs seen within so many seconds of each other conflict; the more cautious stands."
    )
    stale_kept: float = Field(600.0, ge=0, description="Seconds for which a stale limit is still shown as last known.")


class RuntimeSettings(Section):
    """How models are run."""

    provider: Literal["auto", "cpu", "cuda", "tensorrt"] = Field("auto", description="ONNX Runtime execution provider.")
    allow_cpu: bool = Field(False, description="Go on with the CPU if the provider asked for isn't there.")
    threads: int = Field(0, ge=0, le=256, description="Threads of one model run; 0 is one a core.")
    variant: Literal["auto", "named"] = Field(
        "auto", description="auto lets a GPU run the fp16 or fp32 variant of a model in int8; named runs what is named."
    )
    models: Path | None = Field(
        None,
        description="Folder with manifest.toml; none is the one that ships with signpipe, and that of imported models.",
    )


class OutputSettings(Section):
    """What is written and shown."""

    folder: Path | None = Field(None, description="Folder for annotated.mp4, detections.jsonl and events.jsonl.")
    video: Path | None = Field(None, description="Annotated H.264 video: .mp4, .m4v, .mov, .mkv, .avi or .ts.")
    jsonl: Path | None = Field(None, description="One JSON record per frame; - is standard output.")
    events: Path | None = Field(None, description="One JSON record per advisory event; - is standard output.")
    overwrite: bool = Field(False, description="Replace outputs that are there already.")
    window: bool = Field(False, description="Live window, where there is a display.")
    status: bool | None = Field(
        None, description="Live status in the terminal; none shows it for `signpipe run`, and not from a program."
    )
    queue: int = Field(64, ge=1, le=10_000, description="Frames a live sink may lag behind before it drops some.")

    @property
    def video_path(self) -> Path | None:
        """Where the annotated video goes, or None."""
        return self.video or (self.folder / "annotated.mp4" if self.folder else None)

    @property
    def jsonl_path(self) -> Path | None:
        """Where the records go, or None."""
        return self.jsonl or (self.folder / "detections.jsonl" if self.folder else None)

    @property
    def events_path(self) -> Path | None:
        """Where the advisory events go, or None."""
        return self.events or (self.folder / "events.jsonl" if self.folder else None)

    @property
    def files(self) -> dict[str, Path]:
        """Where each output goes that is asked for, by what it is."""
        paths = {
            "list of detections": self.jsonl_path,
            "list of events": self.events_path,
            "video": self.video_path,
        }
        return {what: path for what, path in paths.items() if path}

    @field_validator("folder", "video", "jsonl", "events")
    @classmethod
    def _a_name(cls, path: Path | None) -> Path | None:
        if path is not None and "\0" in str(path):
            raise ValueError("no file can have this name")
        return path
