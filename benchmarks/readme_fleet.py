"""What the documents say of maps and batches, from the committed result files; see benchmarks/readme.py."""

from __future__ import annotations

from benchmarks.readme_service import read
from benchmarks.readme_tables import percent, table


def map_rows() -> list[tuple[str, str, str]]:
    """Return how far signs on a map of simulated drives are off."""
    metrics = read("map")["metrics"]
    one, several = metrics["maps"]["1"], metrics["maps"][str(metrics["drives"])]
    return [
        (
            f"Places of signs on a [map](docs/mapping.md), by one drive / by {metrics['drives']}",
            f"median {one['error_median']:.2f} m / {several['error_median']:.2f} m, 95 % within "
            f"{one['error_p95']:.1f} m / {several['error_p95']:.1f} m (the receivers allow "
            f"{one['least_error_median']:.2f} m / {several['least_error_median']:.2f} m); told class right "
            f"{percent(one['right_class'])} / "
            f"{percent(several['right_class'])}",
            f"{several['n']['signs']} signs of {metrics['streets']} simulated streets, receivers of 1.5 to 5 m (68 %)",
        )
    ]


def accuracy() -> str:
    """Return the table of docs/mapping.md."""
    metrics = read("map")["metrics"]
    shares = ("in_95_ellipse", "right_class", "told", "doubled", "missed", "stray", "gone_wrong")
    head = (
        *("drives", "signs", "median, m", "95 %, m", "the receivers allow: median, 95 %", "within the 95 % ellipse"),
        *("told class right", "told", "doubled", "missed", "stray", "wrongly gone"),
    )
    rows = []
    for name, told in metrics["maps"].items():
        cells = [str(told["n"]["signs"]), f"{told['error_median']:.2f}", f"{told['error_p95']:.2f}"]
        cells.append(f"{told['least_error_median']:.2f}, {told['least_error_p95']:.2f}")
        rows.append([name, *cells, *(percent(told[share]) for share in shares)])
    return table(head, rows, right=len(head) - 1)


def ranges() -> str:
    """Return the table of docs/mapping.md that compares places with and without a LiDAR."""
    rows = []
    for name, told in read("map-lidar")["metrics"]["maps"].items():
        what = "the same, with a LiDAR's ranges" if "LiDAR" in name else "calibrated camera"
        cells = [f"{told[key]:.2f}" for key in ("error_median", "own_error_median", "height_error_median")]
        rows.append([what, str(told["n"]["found"]), *cells, f"{told['facing_error_median']:.1f}"])
    head = ("single drives", "signs", "median, m", "besides neighbours, m", "height, m", "facing, degrees")
    return table(head, rows, right=5)


def peers_of_batch() -> str:
    """Return the table of docs/scale.md that has `signpipe batch` beside a loop in a shell."""
    told = read("batch-peers")["metrics"]
    names = ("signpipe batch", "loop of yolo track")
    rows = [
        ("lines written", *(str(told[name]["lines_written"]) for name in names)),
        *(
            (f"{what}: core seconds; by the clock", *(_took(told[name][when]) for name in names))
            for what, when in (("all recordings", "first"), ("the same once more", "again"))
        ),
        ("recordings with boxes", *(str(told[name]["recordings_with_boxes"]) for name in names)),
        ("pictures with boxes", *(str(told[name]["pictures_with_boxes"]) for name in names)),
        ("failures told, of 1", *(str(told[name]["failures_told"]) for name in names)),
        ("exit code", *(str(told[name]["first"]["exit_code"]) for name in names)),
    ]
    return table(("", "`signpipe batch`", "loop of `yolo track`"), rows, right=2)


def _took(told: dict[str, float]) -> str:
    return f"{told['cpu_seconds']:.0f}; {told['wall_seconds']:.0f}"
