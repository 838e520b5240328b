"""What README.md and docs/tracking.md say of tracks at each frame rate, from the committed results; see readme.py."""

from __future__ import annotations

from typing import Any

from benchmarks.readme_service import read
from benchmarks.readme_tables import percent, shares, table

SIGNPIPE = "signpipe"


def tracking_rows() -> list[tuple[str, str, str]]:
    """Return how whole tracks stay at each frame rate, beside the best other tracker."""
    drives = {
        rate: trackers
        for rate, trackers in read("tracking")["metrics"]["drives"].items()
        if rate in ("1", "3", "10", "30")
    }
    ours = [trackers[SIGNPIPE] for trackers in drives.values()]
    best = [_best_hota(_peers(trackers)) for trackers in drives.values()]
    return [
        (
            f"Tracking (HOTA) at {', '.join(drives)} pictures a second",
            ", ".join(f"{100 * tracker['hota']:.0f}" for tracker in ours)
            + f"; best of SORT, OC-SORT and ByteTrack {', '.join(f'{100 * hota:.0f}' for hota in best)}",
            f"{min(tracker['signs'] for tracker in ours)} signs of simulated drives, the same boxes",
        ),
    ]


def whole_scenes() -> str:
    """Return how whole the tracks of simulated drives stay at each rate, beside the best other tracker."""
    longer = read("tracking-six-drives")["drives"]
    rows = []
    for rate, trackers in read("tracking")["metrics"]["drives"].items():
        own, peers = trackers[SIGNPIPE], _peers(trackers)
        before, after = (
            " / ".join(f"{metres:.0f}" for metres in own[key])
            for key in ("metres_before_p10_p50", "metres_after_20_px_p50_p90")
        )
        rows.append(
            (
                rate,
                shares([own["hota"]]),
                shares([_best_hota(peers)]),
                shares([own["idf1"]]),
                f"{own['fragments']:.3f}",
                f"{min(peer['fragments'] for peer in peers):.2f}",
                f"{percent(own['confirmed_right'])} ({own['signs_over_40_px']})",
                _wrong(own),
                _wrong(longer[rate]) if rate in longer else "not driven",
                before,
                after,
            )
        )
    head = (
        "pictures a second", "HOTA", "best peer", "IDF1", "fragments a sign", "best peer", "over 40 px confirmed right",
        "wrongly confirmed", "of six times as many drives", "metres before, p10 / p50", "metres after 20 px, p50 / p90",
    )  # fmt: skip
    return table(head, rows)


def real_approaches() -> str:
    """Return what becomes of real approaches at each rate, with the witnesses of a run and by vision alone."""
    rows = []
    for rate, told in read("tracking")["metrics"]["rates"].items():
        both = (told, told["vision_alone"])
        rows.append(
            (
                rate,
                percent(told["final_accuracy"]),
                percent(told["confirmed_right"]),
                *(f"{round(one['ever_wrong_published'] * one['tracks'])} of {one['tracks']}" for one in both),
                *map(_hardly_sure, both),
            )
        )
    head = (
        "pictures a second", "class at the end right", "confirmed right", "ever published wrong", "by vision alone",
        "right of those published at 0.95 to 0.99", "by vision alone",
    )  # fmt: skip
    return table(head, rows)


def _peers(trackers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [told for name, told in trackers.items() if name != SIGNPIPE]


def _best_hota(peers: list[dict[str, Any]]) -> float:
    return max(float(peer["hota"]) for peer in peers)


def _wrong(told: dict[str, Any]) -> str:
    return f"{told['wrong']} of {told['published']}"


def _hardly_sure(told: dict[str, Any]) -> str:
    count = told["published_at_095_to_099"]
    return f"{percent(told['right_at_095_to_099'])} ({count})" if count else "none"
