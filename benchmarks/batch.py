"""Many recordings: how `signpipe batch` scales, what it costs, and a loop of `yolo track` in a shell beside it.

    python benchmarks/batch.py scaling --json benchmarks/results/batch-scaling.json
    python benchmarks/batch.py peers --yolo .venv-train/bin/yolo --json benchmarks/results/batch-peers.json

`scaling` works on the same recordings by one process and by two, turn about, and then on one recording in pieces, which
gives the service times that benchmarks/scale.py simulates a cluster with. On a machine that others use too, time on the
clock says little: the seconds of processor time that the same work takes by one and by two processes stand beside it.

`peers` gives some recordings, one of them damaged and one no video, to both, and then the same once more, in the order
loop, batch, batch, loop: what else the machine has to do falls on both alike. Both run the same detector. The loop is
what is written without a tool for it: signpipe also classifies, tracks by seconds, and writes tables, and the loop
writes boxes with identities. Counted are the recordings and the pictures of which each wrote boxes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq

from benchmarks.peers import export_for_ultralytics
from signpipe.batch.engines import Engine
from signpipe.batch.run import Batch
from signpipe.batch.work import Outcome, Task, Work
from signpipe.runtime.machine import describe_machine
from signpipe.settings import load_settings
from signpipe.version import VERSION

SAMPLE = Path(__file__).parents[1] / "samples" / "drive.mp4"
_UNITS = ("wall_seconds", "cpu_seconds")
WHOLE = 1e6  # seconds of a piece, so that nothing is split
LOOP = """\
mkdir -p boxes
for video in drives/*.mp4; do
  name=$(basename "$video" .mp4)
  yolo track model=detector.onnx source="$video" imgsz={height},{width} conf={score} \\
    save_txt=True project="$PWD/boxes" name="$name" exist_ok=True || echo "$video" >> boxes/failed.txt
done
"""


class Watched:
    """An engine, and what its tasks took.

    Args:
        engine: Does the work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.outcomes: dict[str, list[Outcome]] = defaultdict(list)

    @property
    def workers(self) -> int:
        """See `Engine`."""
        return self._engine.workers

    def submit(self, task: Work) -> None:
        """See `Engine`."""
        self._engine.submit(task)

    def wait(self, seconds: float) -> list[tuple[Work, Outcome]]:
        """See `Engine`."""
        ended = self._engine.wait(seconds)
        for task, outcome in ended:
            if isinstance(task, Task) and not outcome.pieces:
                kind = "piece" if task.piece is not None else "join" if task.pieces else "whole"
                self.outcomes[kind].append(outcome)
        return ended

    def close(self, *, kill: bool = False) -> None:
        """See `Engine`."""
        self._engine.close(kill=kill)


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scaling", "peers"))
    parser.add_argument("--recordings", type=int, default=4)
    parser.add_argument("--frames", type=int, default=100, help="of each recording")
    parser.add_argument("--rounds", type=int, default=1, help="of `scaling`: each has both numbers of processes twice")
    parser.add_argument("--yolo", type=Path, default=Path(".venv-train/bin/yolo"), help="of `peers`")
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    measure: Callable[[argparse.Namespace, Path], dict[str, Any]] = scaling if arguments.what == "scaling" else peers
    with tempfile.TemporaryDirectory() as folder:
        metrics = measure(arguments, Path(folder))
    load = [round(one, 1) for one in os.getloadavg()]
    told = {
        "task": f"batch {arguments.what}", "version": VERSION, "metrics": metrics, "load_average": load,
        "machine": asdict(describe_machine()),
    }  # fmt: skip
    print(json.dumps(metrics, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def cut(path: Path, frames: int) -> Path:
    """Write the first frames of the sample drive to a file."""
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        copy = target.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is None or frames <= 0:
                break
            frames -= 1
            packet.stream = copy
            target.mux(packet)
    return path


def work(drives: Path, out: Path, workers: int, piece: float = WHOLE) -> tuple[dict[str, Any], Watched]:
    """Work on recordings; return what it took."""
    batch = Batch(
        [str(drives)], str(out), load_settings(None, {"runtime.threads": 1, "runtime.provider": "cpu"}), piece
    )
    begun = time.perf_counter()
    with batch.open_engine(workers) as engine:
        watched = Watched(engine)
        report = batch.run(watched, 0, threading.Event(), lambda _job, _outcome: None)
    if report.failed:
        raise SystemExit(str(report.failed))
    return {
        "wall": time.perf_counter() - begun, "cpu": report.cpu, "video": report.seconds, "memory": report.memory,
    }, watched  # fmt: skip


def scaling(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return how the time changes with the number of processes, and what a task takes."""
    drives = folder / "drives"
    drives.mkdir()
    for number in range(arguments.recordings):
        cut(drives / f"{number:02d}.mp4", arguments.frames)
    took: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for turn in range(arguments.rounds):
        for workers in (1, 2, 2, 1):
            out = folder / f"{turn}-{workers}-{len(took[workers])}"
            took[workers].append(work(drives, out, workers)[0])
            print(workers, took[workers][-1], flush=True)
    one, two = ({key: sum(each[key] for each in took[count]) for key in took[count][0]} for count in (1, 2))
    video = float(took[1][0]["video"])
    cut(folder / "long.mp4", arguments.frames)
    _, watched = work(folder / "long.mp4", folder / "long", 1, video / arguments.recordings / 4)
    return {
        "recordings": arguments.recordings,
        "frames": arguments.frames,
        "runs_of_each": len(took[1]),
        "wall_seconds": {"1": round(one["wall"], 1), "2": round(two["wall"], 1)},
        "cpu_seconds": {"1": round(one["cpu"], 1), "2": round(two["cpu"], 1)},
        "efficiency_by_the_clock": round(one["wall"] / two["wall"] / 2, 3),
        "efficiency_by_processor_time": round(one["cpu"] / two["cpu"], 3),
        "core_hours_an_hour_of_video": round(one["cpu"] / one["video"], 3),
        "memory_mb_a_worker": round(max(each["memory"] for each in took[2]) / 1e6),
        "service": {kind: _service(outcomes) for kind, outcomes in watched.outcomes.items()},
        "seconds_of_video": round(video, 1),
    }


def _service(outcomes: list[Outcome]) -> dict[str, float]:
    """Return the seconds of processor time that tasks took for a second of video, without the first, which starts."""
    counted = outcomes[1:] or outcomes
    seconds = sum(outcome.seconds for outcome in counted)
    return {"tasks": len(counted), "cpu_a_second_of_video": round(sum(one.cpu for one in counted) / seconds, 3)}


def peers(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return what both make of the same recordings, twice."""
    drives, settings = folder / "drives", load_settings(None, {"runtime.provider": "cpu"})
    drives.mkdir()
    for number in range(arguments.recordings - 2):
        cut(drives / f"{number:02d}.mp4", arguments.frames)
    whole = cut(folder / "whole.mkv", arguments.frames).read_bytes()
    (drives / "cut-off.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    (drives / "no-video.mp4").write_text("no video")
    _, (height, width) = export_for_ultralytics(settings, (1280, 720), folder / "detector.onnx")
    script = LOOP.format(height=height, width=width, score=settings.detect.score)
    (folder / "loop.sh").write_text(script)
    environment = {
        **os.environ, "PATH": f"{arguments.yolo.absolute().parent}:{os.environ['PATH']}", "YOLO_AUTOINSTALL": "false",
    }  # fmt: skip
    ours = f"{shutil.which('signpipe') or f'{sys.executable} -m signpipe'} batch drives/ --out tables/"
    loop, batch = "loop of yolo track", "signpipe batch"
    commands = {loop: "bash loop.sh", batch: ours}
    told: dict[str, Any] = {"recordings": arguments.recordings, "frames": arguments.frames, "bad": 2}
    told |= {loop: {"lines_written": len(script.splitlines())}, batch: {"lines_written": 1}}
    for name, again in ((loop, "first"), (batch, "first"), (batch, "again"), (loop, "again")):
        with _measured(told[name], again):
            done = subprocess.run(
                commands[name], shell=True, cwd=folder, env=environment, capture_output=True, text=True
            )
        told[name][again]["exit_code"] = done.returncode
        print(name, again, told[name][again], flush=True)
    told[loop] |= _boxes_of_loop(folder)
    told[batch] |= _boxes_of_batch(folder / "tables")
    if not told[loop]["recordings_with_boxes"]:
        raise SystemExit(f"{arguments.yolo} tracks nothing at all; does its environment have `lap`?")
    told["loop_to_batch"] = {
        again: {unit: round(told[loop][again][unit] / told[batch][again][unit], 2) for unit in _UNITS}
        for again in ("first", "again")
    }
    return told


def _boxes_of_loop(folder: Path) -> dict[str, int]:
    """Return what the loop wrote, wherever: a text file a picture with boxes, in a folder a recording."""
    labels, failed = list(folder.rglob("labels/*.txt")), folder / "boxes" / "failed.txt"
    return {
        "failures_told": len(set(failed.read_text().split())) if failed.exists() else 0,
        "recordings_with_boxes": len({path.parent for path in labels}),
        "pictures_with_boxes": len(labels),
    }


def _boxes_of_batch(tables: Path) -> dict[str, int]:
    """Return what the batch wrote."""
    frames = [pq.read_table(path, columns=["detections"]) for path in tables.glob("recordings/*/frames.parquet")]
    pictures = [sum(count > 0 for count in table["detections"].to_pylist()) for table in frames]
    return {
        "failures_told": len(json.loads((tables / "failures.json").read_text())),
        "recordings_with_boxes": sum(count > 0 for count in pictures),
        "pictures_with_boxes": sum(pictures),
    }


@contextmanager
def _measured(told: dict[str, Any], name: str) -> Iterator[None]:
    """Measure the time of what is done meanwhile, by the clock and of the processors."""
    load = round(os.getloadavg()[0], 1)
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = (round(time.perf_counter() - begun, 1), round(cpu, 1))
    told[name] = dict(zip(_UNITS, took, strict=True)) | {"load_before": load}


if __name__ == "__main__":
    main()
