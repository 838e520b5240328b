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
        ("warnings", pa.list_(pa.string()), "What was wrong with the recording, each once."),
        ("version", pa.string(), "Of signpipe."),
        ("settings_digest", pa.string(), "SHA-256 of the settings in force, but where results go."),
        ("classes", pa.list_(pa.string()), "The signs that it knows, in the order of the classifier."),
    ),
}


def _schema(name: str, columns: Columns) -> pa.Schema:
    fields = [pa.field(column, kind, metadata={"description": text}) for column, kind, text in columns]
    return pa.schema(fields, metadata={"schema": SCHEMA, "table": name})


TABLES: Final[dict[str, pa.Schema]] = {name: _schema(name, columns) for name, columns in _COLUMNS.items()}


def reference() -> str:
    """Return the columns of all tables as Markdown, for the documents."""
    parts = []
    for name, schema in TABLES.items():
        rows = [
            f"| `{field.name}` | {field.type} | {(field.metadata or {})[b'description'].decode()} |" for field in schema
        ]
        parts.append("\n".join([f"### {name}", "", "| column | type | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"
