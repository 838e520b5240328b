"""The tables that a recording becomes, column by column; docs/reference/batch.md is written from them."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA: Final = "signpipe-batch/1"

Columns = tuple[tuple[str, pa.DataType, str], ...]

_RECORDING: Final = ("recording", pa.string(), "Name of the recording's folder.")
_FRAME: Final = ("frame", pa.int32(), "Number of the frame in the recording, from 0; null in a gap.")
_TIME: Final = ("media_time", pa.float64(), "Seconds since the start of the recording.")
_TRACK: Final = ("track", pa.int32(), "Number of the track in the recording, from 1.")
_EDGES: Final = ("x1", "y1", "x2", "y2")
_PLACE: Final = (
    ("latitude", pa.float64(), "Of the vehicle, WGS 84 degrees; null where unknown."),
    ("longitude", pa.float64(), "Of the vehicle, WGS 84 degrees; null where unknown."),
    ("heading", pa.float64(), "Of the vehicle, degrees clockwise from north; null where unknown."),
)

_COLUMNS: Final[dict[str, Columns]] = {
    "frames": (
        _RECORDING,
        _FRAME,
        _TIME,
        *_PLACE,
        ("speed", pa.float64(), "Of the vehicle, metres a second, by its bus or its positions; null where unknown."),
        ("sigma", pa.float64(), "Spread of the position in metres, as the receiver states it."),
        ("utc", pa.float64(), "Seconds since 1970 by the receiver's clock; null where unknown."),
        ("detections", pa.int16(), "Signs found in the picture."),
        ("gap", pa.string(), "Why there is no picture; null where there is one."),
        ("limit_kmh", pa.float64(), "Speed limit in force, km/h; null where none is known, or the road has none."),
        ("limit_status", pa.string(), "active or stale; null where nothing is known of a limit."),
        ("limit_origin", pa.string(), "posted, zone or implicit; null where nothing is known of a limit."),
    ),
    "tracks": (
        _RECORDING,
        _FRAME,
        _TIME,
        _TRACK,
        ("state", pa.string(), "tentative, confirmed or coasting."),
        *((edge, pa.float32(), "Smoothed box, pixels of the source picture.") for edge in _EDGES),
        *((f"seen_{edge}", pa.float32(), "Box as detected in this frame; null while coasting.") for edge in _EDGES),
        ("score", pa.float32(), "Detector confidence of the latest box."),
        ("class_name", pa.string(), "The sign, if it is sure enough to be published, else null."),
        ("best_class_name", pa.string(), "The likeliest sign, sure or not."),
        ("best_probability", pa.float32(), "Its fused probability."),
        ("category", pa.string(), "Category that is sure, else null."),
        ("certainty", pa.string(), "confirmed, corroborated, uncertain or unknown."),
        ("novelty", pa.float32(), "0 for a familiar sign, towards 1 for something never seen."),
    ),
    "signs": (
        _RECORDING,
        _TRACK,
        ("class_name", pa.string(), "The sign, as it was published at the end; null if only its category is sure."),
        ("code", pa.string(), "Its code in the country's catalogue."),
        ("title", pa.string(), "Its title in English."),
        ("best_class_name", pa.string(), "The likeliest sign, sure or not."),
        ("category", pa.string(), "Category that is sure, else null."),
        ("certainty", pa.string(), "confirmed, corroborated, uncertain or unknown."),
        ("probability", pa.float32(), "Fused probability of the likeliest sign."),
        ("novelty", pa.float32(), "0 for a familiar sign, towards 1 for something never seen."),
        ("witnesses", pa.string(), "What the verdict rests on, such as vision+map."),
        ("conflict", pa.string(), "Who was overruled, if anyone was."),
        ("figures", pa.string(), "What was read on it."),
        ("plates", pa.string(), "What the plates under it say, separated by semicolons."),
        ("first_seen", pa.float64(), "Media time of the first look, seconds."),
        ("published", pa.float64(), "Media time at which a class was first published; null if none was."),
        ("last_seen", pa.float64(), "Media time of the last look, seconds."),
        ("looks", pa.int32(), "Number of detections."),
        ("side", pa.float32(), "Root of the area of its largest box, pixels."),
        ("best_frame", pa.int32(), "Frame of the largest box."),
        *((edge, pa.float32(), "The largest box, pixels of the source picture.") for edge in _EDGES),
        *((name, kind, f"{text} At the last look.") for name, kind, text in _PLACE),
        ("utc", pa.float64(), "Seconds since 1970 at the last look; null where unknown."),
    ),
    "events": (
        _RECORDING,
        _FRAME,
        _TIME,
        ("topic", pa.string(), "What it is about, such as speed_limit."),
        ("message", pa.string(), "For the driver."),
        ("status", pa.string(), "active, stale or ended."),
        ("number", pa.float64(), "Its value, where that is one: km/h for a limit of speed."),
        ("word", pa.string(), "Its value, where that is a word."),
        ("confidence", pa.float32(), "0 to 1."),
        ("witnesses", pa.string(), "What it rests on, such as vision+map."),
        ("conflict", pa.string(), "What was overruled, if anything was."),
        ("origin", pa.string(), "Of a limit: posted, zone or implicit."),
        ("conditions", pa.string(), "What the plates under the sign say, separated by semicolons."),
        ("since", pa.float64(), "Media time at which it was first issued."),
        ("class_name", pa.string(), "The sign it rests on."),
        ("track", pa.int32(), "Track of that sign; null where it rests on none."),
        *_PLACE,
    ),
    "places": (
        ("drive", pa.string(), "Name of the recording's folder."),
        _TRACK,
        ("latitude", pa.float64(), "Of the middle of the sign's face, WGS 84 degrees."),
        ("longitude", pa.float64(), "Likewise."),
        ("height", pa.float64(), "Metres of the face's middle over the road."),
        ("east_variance", pa.float64(), "Of the place, square metres."),
        ("north_variance", pa.float64(), "Likewise."),
        ("covariance", pa.float64(), "Of east and north, square metres."),
        ("height_sigma", pa.float64(), "Metres."),
        ("shared", pa.float64(), "Part of the spread that signs nearby in this drive share, metres."),
        ("reach", pa.float64(), "Seconds after which that part is another one."),
        ("facing", pa.float64(), "Degrees clockwise from north in which the face looks."),
        ("facing_sigma", pa.float64(), "Its spread."),
        ("travel", pa.float64(), "Direction of the vehicle at the last look."),
        ("aside", pa.float64(), "Metres to the right of the vehicle's path, negative to the left."),
        ("scale", pa.float64(), "Its size as a share of the usual one."),
        ("belief", pa.map_(pa.string(), pa.float64()), "Fused probability of each class that was told."),
        ("category", pa.string(), "Category that is sure, or null."),
        ("sure", pa.bool_(), "Whether the class may be published."),
        ("novelty", pa.float64(), "0 for a familiar sign, towards 1 for something never seen."),
        ("first", pa.float64(), "Media time of the first look."),
        ("last", pa.float64(), "Media time of the last look."),
        ("utc", pa.float64(), "Seconds since 1970 of the last look; null where unknown."),
        ("looks", pa.int32(), "Number of looks that were used."),
        ("side", pa.float64(), "Pixels of the largest look."),
        ("misfit", pa.float64(), "Root mean square of the looks' residuals, in spreads."),
        ("crop", pa.binary(), "JPEG of the largest look."),
        ("embedding", pa.list_(pa.float64()), "Unit vector of the largest look."),
    ),
    "waypoints": (
        ("drive", pa.string(), "Name of the recording's folder."),
        ("time", pa.float64(), "Seconds since the start of the recording."),
        ("utc", pa.float64(), "Seconds since 1970; null where unknown."),
        ("latitude", pa.float64(), "Of the vehicle, smoothed, WGS 84 degrees."),
        ("longitude", pa.float64(), "Likewise."),
        ("course", pa.float64(), "Direction of movement, degrees clockwise from north."),
        ("half_view", pa.float64(), "Degrees that the camera sees to each side of it."),
    ),
    "run": (
        _RECORDING,
        ("source", pa.string(), "Where the recording lies, without credentials."),
        ("seconds", pa.float64(), "Media time of the last frame."),
        ("frames", pa.int32(), "Frames that were read."),
        ("gaps", pa.int32(), "Gaps in the recording's clock."),
        ("damaged", pa.int32(), "Packets and pictures that could not be decoded."),
        ("width", pa.int32(), "Pixels."),
        ("height", pa.int32(), "Pixels."),
        ("fps", pa.float64(), "Nominal frames a second; null where the recording doesn't say."),
        ("metres", pa.float64(), "Distance driven by its positions; null without any."),
        ("utc", pa.float64(), "Seconds since 1970 at the first frame with a position's clock; null where unknown."),
        ("country", pa.string(), "Whose signs they are."),
        (
            "focal",
            pa.float64(),
            "Focal length that was learned, pixels; null, as those below, where nothing is placed.",
        ),
        ("focal_sigma", pa.float64(), "Spread of its logarithm."),
        ("yaw", pa.float64(), "Degrees that the camera looks to the right."),
        ("yaw_sigma", pa.float64(), "Their spread."),
        ("pitch", pa.float64(), "Degrees that it looks up."),
        ("pitch_sigma", pa.float64(), "Their spread."),
        ("ahead", pa.float64(), "Seconds by which positions are ahead of the pictures; null where nothing tells it."),
        ("ahead_sigma", pa.float64(), "Their spread; more than three of them are made up for."),
        ("warnings", pa.list_(pa.string()), "What was wrong with the recording, each once."),
        ("version", pa.string(), "Of signpipe."),
        ("settings_digest", pa.string(), "SHA-256 of the settings in force, but where results go."),
        ("classes", pa.list_(pa.string()), "The signs that it knows, in the order of the classifier."),
    ),
}


_ENTRIES: Final[Columns] = (
    ("cell", pa.string(), "Map tile that the sign stands in: zoom, column and row of the usual web map."),
    ("id", pa.string(), "Made of place and class: the same from the same drives."),
    ("latitude", pa.float64(), "Of the middle of the sign's face, WGS 84 degrees."),
    ("longitude", pa.float64(), "Likewise."),
    ("east_variance", pa.float64(), "Of the place, square metres."),
    ("north_variance", pa.float64(), "Likewise."),
    ("covariance", pa.float64(), "Of east and north, square metres."),
    ("height", pa.float64(), "Metres of the face's middle over the road."),
    ("height_sigma", pa.float64(), "Metres."),
    ("facing", pa.float64(), "Degrees clockwise from north in which the face looks."),
    ("facing_sigma", pa.float64(), "Its spread."),
    ("side", pa.string(), "right, left or above, seen by the traffic that it faces."),
    ("aside", pa.float64(), "Metres to the right of the vehicles' path, negative to the left."),
    ("scale", pa.float64(), "Its size as a share of the usual one."),
    ("class_name", pa.string(), "The likeliest class."),
    ("probability", pa.float64(), "Of it, over all drives."),
    ("sure", pa.bool_(), "Whether any drive was sure of a class, and all together are."),
    ("category", pa.string(), "Category that is sure, or null."),
    ("state", pa.string(), "present, new, changed, hidden, gone or damaged."),
    ("before", pa.string(), "Of a changed sign, the class that stood there before."),
    ("first_seen", pa.float64(), "Seconds since 1970; null where no clock is known."),
    ("last_seen", pa.float64(), "Likewise."),
    ("seen", pa.int32(), "Passes that saw it."),
    ("passed", pa.int32(), "Passes that had it in plain view."),
    ("missed", pa.int32(), "The last passes that didn't see it."),
    ("looks", pa.int32(), "Looks that placed it."),
    ("drives", pa.list_(pa.string()), "Recordings that saw it, one for each sighting."),
    ("tracks", pa.list_(pa.int32()), "Their tracks, in the same order."),
    ("crop", pa.binary(), "JPEG of its largest look."),
)


def _schema(name: str, columns: Columns) -> pa.Schema:
    fields = [pa.field(column, kind, metadata={"description": text}) for column, kind, text in columns]
    return pa.schema(fields, metadata={"schema": SCHEMA, "table": name})


# Of a recording, and of a cell of the map.
TABLES: Final[dict[str, pa.Schema]] = {name: _schema(name, columns) for name, columns in _COLUMNS.items()}
ENTRIES: Final[pa.Schema] = _schema("entries", _ENTRIES)


def reference() -> str:
    """Return the columns of all tables as Markdown, for the documents."""
    parts = []
    for name, schema in (TABLES | {"entries": ENTRIES}).items():
        rows = [
            f"| `{field.name}` | {field.type} | {(field.metadata or {})[b'description'].decode()} |" for field in schema
        ]
        parts.append("\n".join([f"### {name}", "", "| column | type | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"
