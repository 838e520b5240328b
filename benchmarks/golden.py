"""Compares what the pipeline makes of the sample with what it made of it when that was last looked at and accepted.

    python benchmarks/golden.py            # tell what differs; exit code 1 if too much does
    python benchmarks/golden.py --accept   # take today's output for right from now on (look at it first)

Compared are, in every tenth frame, the tracks whose class may be published and the advisories, field by field. Times
that the machine took are left out, and what is still being made up its mind about.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "drive.mp4"
GOLDEN = ROOT / "samples" / "drive.golden.jsonl"
EVERY = 10  # frames
# Another CPU rounds int8 differently, so that a sign may be confirmed a frame earlier or later.
FRAMES_THAT_MAY_DIFFER = 2
TRACK = ("class_name", "verdict", "state", "xyxy", "probability", "novelty")
ADVISORY = ("topic", "message", "value", "confidence", "source", "status", "since", "class_name", "conflict")
TOLERANCES = {"xyxy": 4.0, "probability": 0.1, "novelty": 0.15, "confidence": 0.1, "since": 0.2}


def essence(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is compared of a frame's record."""
    tracks = [{key: track[key] for key in TRACK} for track in record["tracks"] if track["class_name"]]
    advisories = [{key: advisory[key] for key in ADVISORY} for advisory in record["advisories"]]
    return {
        "index": record["index"],
        "tracks": sorted(tracks, key=lambda track: (track["class_name"], track["xyxy"])),
        "advisories": sorted(advisories, key=lambda advisory: str(advisory["topic"])),
    }


def differences(golden: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return a sentence for each field of a frame that differs by more than its tolerance."""
    found = []
    for kind in ("tracks", "advisories"):
        names = [[str(item.get("topic", item.get("class_name"))) for item in part[kind]] for part in (golden, new)]
        if names[0] != names[1]:
            found.append(f"frame {golden['index']}: {kind} are {names[1]}, were {names[0]}")
            continue
        for name, old_item, new_item in zip(names[0], golden[kind], new[kind], strict=True):
            for key, old in old_item.items():
                if not _same(old, new_item[key], TOLERANCES.get(key, 0.0)):
                    found.append(f"frame {golden['index']}: {key} of {name} is {new_item[key]}, was {old}")
    return found


def _same(old: Any, new: Any, tolerance: float) -> bool:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return all(_same(a, b, tolerance) for a, b in zip(old, new, strict=True))
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) <= tolerance
    return bool(old == new)


def run() -> list[dict[str, Any]]:
    """Run the pipeline on the sample and return what is compared of it."""
    from signpipe import watch
    from signpipe.sinks.jsonl import result_record

    with watch(SAMPLE) as results:
        return [essence(result_record(r, results.catalogue)) for i, r in enumerate(results) if i % EVERY == 0]


def read() -> list[dict[str, Any]]:
    """Return the accepted output."""
    return [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """Compare, or accept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="take today's output for right from now on")
    accept = parser.parse_args().accept
    new = run()
    if accept:
        GOLDEN.write_text("".join(json.dumps(frame) + "\n" for frame in new), encoding="utf-8")
        print(f"accepted {len(new)} frames into {GOLDEN.relative_to(ROOT)}")
        return 0
    golden = read()
    found = [differences(*pair) for pair in zip(golden, new, strict=len(golden) == len(new))]
    for sentences in found:
        print(*sentences, sep="\n", end="\n" if sentences else "")
    differing = sum(map(bool, found)) + abs(len(golden) - len(new))
    print(f"{differing} of {len(golden)} frames differ; {FRAMES_THAT_MAY_DIFFER} may")
    return int(differing > FRAMES_THAT_MAY_DIFFER)


if __name__ == "__main__":
    sys.exit(main())
