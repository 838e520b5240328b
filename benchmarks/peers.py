"""signpipe beside what a team would use instead, on the same frames with the same detector and classifier.

    python benchmarks/peers.py                                        # all peers on the shipped sample
    python benchmarks/peers.py --frames 100 --json benchmarks/results/peers.json
    python benchmarks/peers.py --only signpipe --only floor

The peers (extra `bench`): ultralytics `YOLO(onnx).track()` with its two usual trackers; ultralytics `predict()` with
supervision, trackers' ByteTrack and a classifier step written by hand; and the floor, nothing but the detector's
`session.run`. Everybody gets the same network: ultralytics can't feed a uint8 NHWC input, so its copy of the file has
a few nodes in front that take what it feeds; `floor-export` tells what those cost.

Two things are measured. Latency on decoded frames, which lie in memory: blocks of frames go to one peer after the
other, in an order that turns, so that a machine that slows down slows everybody. Frames per second from the file,
decoding included, each with the reader that its own documentation begins with, once forwards and once backwards in the
order. Beside speed stands what was found: recall and precision of boxes, and signs whose class was said, rightly or
wrongly, against the sample's truth.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol

os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # nobody's environment is changed by a benchmark
os.environ.setdefault("YOLO_VERBOSE", "false")

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper
from rich.console import Console
from rich.progress import track

from signpipe.lab.bench.page import write_bench_page
from signpipe.lab.bench.quality import Score, Seen
from signpipe.lab.bench.result import new_result, write_result
from signpipe.lab.bench.statistics import describe
from signpipe.lab.bench.tables import print_result
from signpipe.lab.simulation.record import truth_path
from signpipe.lab.simulation.truth import TruthFrame, read_truth
from signpipe.pipeline import Pipeline
from signpipe.runtime.session import open_session
from signpipe.settings import Settings, load_settings
from signpipe.sources import open_source
from signpipe.stages.capture import Capture
from signpipe.stages.classify import Classify
from signpipe.types import Detections, Frame, FrameResult, Image

SAMPLE = Path(__file__).parents[1] / "samples" / "drive.mp4"
BLOCK = 20  # frames of one peer before it is the next one's turn
WARM_UP = 5

Size = tuple[int, int]  # height and width of the detector's input


class Peer(Protocol):
    """One way to do the job.

    Attributes:
        what: One line that says how.
    """

    what: str

    def step(self, image: Image, media_time: float) -> Seen | None:
        """Take the next frame, BGR uint8 (H, W, 3); None if this peer says nothing of signs."""

    def read(self, video: str) -> Iterator[Any]:
        """Run a whole file; yields once a frame."""


class Signpipe:
    """The pipeline as it is."""

    what = "signpipe: detector, classifier, tracks, fused classes, advisories"

    def __init__(self, settings: Settings) -> None:
        self._pipeline = Pipeline(settings)
        self._settings = settings
        self._index = 0

    def step(self, image: Image, media_time: float) -> Seen:
        """See `Peer`."""
        self._index += 1
        result = self._pipeline.process(Frame(image, self._index, 0.0, media_time, "peers"))
        return _seen(result)

    def read(self, video: str) -> Iterator[FrameResult]:
        """See `Peer`."""
        capture = self._settings.capture
        with Capture(lambda: open_source(video, capture), capture) as frames:
            yield from self._pipeline.run(frames)


class UltralyticsTrack:
    """`YOLO(onnx).track()`: boxes with identities, no classes of signs.

    Args:
        export: The detector as ultralytics feeds it.
        size: Height and width of its input.
        tracker: Name of its tracker's settings.
        settings: For the score.
    """

    def __init__(self, export: Path, size: Size, tracker: str, settings: Settings) -> None:
        from ultralytics import YOLO

        self.what = f"ultralytics YOLO(onnx).track(), {tracker}: boxes with identities, no sign classes"
        self._model = YOLO(str(export), task="detect")
        self._tracker = tracker
        self._size = list(size)
        self._score = settings.detect.score

    def step(self, image: Image, media_time: float) -> Seen:  # noqa: ARG002  # it counts frames, not seconds
        """See `Peer`."""
        return _boxes(self._track(image, False)[0])

    def read(self, video: str) -> Iterator[Any]:
        """See `Peer`."""
        yield from self._track(video, True)

    def _track(self, source: Any, stream: bool) -> Any:
        return self._model.track(
            source,
            persist=not stream,
            stream=stream,
            tracker=self._tracker,
            conf=self._score,
            imgsz=self._size,
            verbose=False,
        )


class HandWritten:
    """ultralytics for boxes, supervision for the loop, trackers for identities, our classifier on every crop.

    Args:
        export: The detector as ultralytics feeds it.
        size: Height and width of its input.
        settings: For score and classifier.
    """

    what = "ultralytics predict() + supervision + trackers ByteTrack + classifier on each crop, by hand"

    def __init__(self, export: Path, size: Size, settings: Settings) -> None:
        import supervision
        from trackers import ByteTrackTracker
        from ultralytics import YOLO

        self._sv: Any = supervision
        self._model = YOLO(str(export), task="detect")
        self._tracker = ByteTrackTracker(track_activation_threshold=settings.detect.score)
        self._score, self._size = settings.detect.score, list(size)
        session = open_session(settings.classify.model, settings.runtime, "classifier")
        self._classify = Classify(settings.classify, session)

    def step(self, image: Image, media_time: float) -> Seen:
        """See `Peer`."""
        result = self._model.predict(image, conf=self._score, imgsz=self._size, verbose=False)[0]
        found = self._tracker.update(self._sv.Detections.from_ultralytics(result), timestamp=media_time)
        if not len(found):
            return Seen(np.zeros((0, 4), np.float32), np.zeros(0, np.intp))
        boxes = np.asarray(found.xyxy, np.float32)
        known = self._classify(image, Detections(boxes, np.asarray(found.confidence, np.float32)))
        return Seen(boxes, known.probability.argmax(axis=1))

    def read(self, video: str) -> Iterator[Any]:
        """See `Peer`."""
        self._tracker.reset()
        for index, image in enumerate(self._sv.get_video_frames_generator(video)):
            yield self.step(image, index / 25)


class Floor:
    """The detector's `session.run` and nothing else.

    Args:
        size: Height and width of the detector's input.
        settings: For the detector and its provider.
    """

    what = "the floor: nothing but session.run of the detector"

    def __init__(self, size: Size, settings: Settings) -> None:
        self._session = open_session(settings.detect.model, settings.runtime, "detector")
        self._input = np.zeros((1, *size, 3), np.uint8)

    def step(self, image: Image, media_time: float) -> None:  # noqa: ARG002
        """See `Peer`."""
        self._input[0, : image.shape[0], : image.shape[1]] = image
        self._session.run(self._input)

    def read(self, video: str) -> Iterator[Any]:
        """See `Peer`."""
        capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
        while (read := capture.read())[0]:
            self.step(np.asarray(read[1], np.uint8), 0.0)
            yield None
        capture.release()


class FloorExport:
    """The floor of the file that ultralytics gets: `session.run` on a ready float input.

    Args:
        export: The detector as ultralytics feeds it.
        size: Height and width of its input.
    """

    what = "the floor of the peers' file: session.run on a float input that lies ready"

    def __init__(self, export: Path, size: Size) -> None:
        import onnxruntime

        self._session: Any = onnxruntime.InferenceSession(str(export), providers=["CPUExecutionProvider"])
        self._input = np.zeros((1, 3, *size), np.float32)

    def step(self, image: Image, media_time: float) -> None:  # noqa: ARG002
        """See `Peer`."""
        self._session.run(None, {"images": self._input})

    def read(self, video: str) -> Iterator[Any]:  # noqa: ARG002
        """See `Peer`."""
        return iter(())


@dataclass(slots=True)
class Measured:
    """What one peer has come to so far."""

    latencies_ms: list[float] = field(default_factory=list)
    score: Score = field(default_factory=Score)
    cpu_seconds: float = 0.0
    file_seconds: float = 0.0
    file_frames: int = 0


def main() -> None:
    """Measure, print, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SAMPLE, help="video with its truth beside it")
    parser.add_argument("--frames", type=int, default=500, help="frames of each peer")
    parser.add_argument("--only", action="append", metavar="PEER", help="name of a peer; may be repeated")
    parser.add_argument("--model", help="detector, the default of the settings if not given")
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--html", type=Path, help="where to write a page")
    arguments = parser.parse_args()
    settings = load_settings(None, {"detect.model": arguments.model, "runtime.provider": "cpu"})
    truth = read_truth(truth_path(arguments.source))
    result = new_result(str(arguments.source), settings)
    with tempfile.TemporaryDirectory() as folder:
        export, size = export_for_ultralytics(settings, truth.size, Path(folder) / "detector.onnx")
        peers = build(settings, export, size, arguments.only)
        measured = {name: Measured() for name in peers}
        measure_frames(peers, measured, str(arguments.source), truth.frames, arguments.frames)
        measure_files(peers, measured, str(arguments.source), arguments.frames)
    for name, peer in peers.items():
        result.peers[name] = {"what": peer.what, "metrics": metrics(measured[name])}
    print_result(result, Console())
    if arguments.json:
        write_result(result, arguments.json)
    if arguments.html:
        write_bench_page(result, arguments.html)


def build(settings: Settings, export: Path, size: Size, only: list[str] | None) -> dict[str, Peer]:
    """Open the peers, or those that are asked for."""
    makers: dict[str, Callable[[], Peer]] = {
        "signpipe": lambda: Signpipe(settings),
        "ultralytics-bytetrack": lambda: UltralyticsTrack(export, size, "bytetrack.yaml", settings),
        "ultralytics-botsort": lambda: UltralyticsTrack(export, size, "botsort.yaml", settings),
        "hand-written": lambda: HandWritten(export, size, settings),
        "floor": lambda: Floor(size, settings),
        "floor-export": lambda: FloorExport(export, size),
    }
    unknown = set(only or ()) - set(makers)
    if unknown:
        raise SystemExit(f"There is no peer {', '.join(sorted(unknown))}; choose {', '.join(makers)}.")
    return {name: make() for name, make in makers.items() if not only or name in only}


def measure_frames(
    peers: dict[str, Peer], measured: dict[str, Measured], video: str, truth: tuple[TruthFrame, ...], frames: int
) -> None:
    """Give blocks of decoded frames to one peer after the other, in an order that turns."""
    names = list(peers)
    with open_source(video) as source:
        first = list(islice(source, WARM_UP))
    for peer in peers.values():
        for frame in first:
            peer.step(frame.image, frame.media_time - 1.0)
    with open_source(video) as source:
        for number in track(range(-(-frames // BLOCK)), description="decoded frames"):
            block = list(islice(source, min(BLOCK, frames - number * BLOCK)))
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                _run_block(peers[name], measured[name], block, truth)


def _run_block(peer: Peer, measured: Measured, block: list[Frame], truth: tuple[TruthFrame, ...]) -> None:
    for frame in block:
        start, cpu = perf_counter(), process_time()
        seen = peer.step(frame.image, frame.media_time)
        measured.latencies_ms.append((perf_counter() - start) * 1e3)
        measured.cpu_seconds += process_time() - cpu
        if seen is not None:
            measured.score.add(seen, truth[frame.index])


def measure_files(peers: dict[str, Peer], measured: dict[str, Measured], video: str, frames: int) -> None:
    """Let each peer run the file from its beginning, decoding included; twice, the second time in turned order."""
    for name in track([*peers, *reversed(peers)], description="whole files"):
        start = perf_counter()
        count = sum(1 for _ in islice(peers[name].read(video), frames))
        measured[name].file_seconds += perf_counter() - start
        measured[name].file_frames += count


def metrics(measured: Measured) -> dict[str, Any]:
    """Return the numbers of one peer."""
    numbers: dict[str, Any] = {
        "fps": round(measured.file_frames / measured.file_seconds, 2) if measured.file_frames else None,
        "frames_from_file": measured.file_frames,
        "latency_ms": describe(measured.latencies_ms),
        "cpu_seconds_per_frame": round(measured.cpu_seconds / max(len(measured.latencies_ms), 1), 5),
    }
    return numbers | (measured.score.shares() if measured.score.signs else {})


def export_for_ultralytics(settings: Settings, picture: tuple[int, int], path: Path) -> tuple[Path, Size]:
    """Write the detector as ultralytics feeds it: float RGB 0..1 in NCHW, with its metadata.

    The network is the same, in its own precision; in front of it the input becomes uint8 BGR in NHWC.

    Args:
        settings: For the detector.
        picture: Width and height of the pictures.
        path: The file to write.

    Returns:
        The file, and the height and width that pictures are padded to.
    """
    entry = open_session(settings.detect.model, settings.runtime, "detector").entry
    stride = entry.input.stride or 32
    size = (-(-picture[1] // stride) * stride, -(-picture[0] // stride) * stride)
    model = onnx.load(str(entry.path))
    graph, old = model.graph, entry.input.name
    for node in graph.node:
        node.input[:] = ["pixels" if name == old else name for name in node.input]
    constants = [
        helper.make_tensor("levels", TensorProto.FLOAT, (), [1 / 255]),
        helper.make_tensor("darkest", TensorProto.UINT8, (), [0]),
        helper.make_tensor("bgr", TensorProto.INT64, (3,), [2, 1, 0]),
    ]
    front = [
        helper.make_node("QuantizeLinear", ["images", "levels", "darkest"], ["rgb8"]),
        helper.make_node("Gather", ["rgb8", "bgr"], ["bgr8"], axis=1),
        helper.make_node("Transpose", ["bgr8"], ["pixels"], perm=(0, 2, 3, 1)),
    ]
    nodes = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*front, *nodes])
    graph.initializer.extend(constants)
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"]))
    facts = {
        "task": "detect", "stride": stride, "batch": 1, "imgsz": list(size), "channels": 3,
        "names": dict(enumerate(entry.classes)), "end2end": entry.box_layout == "end_to_end",
        "args": {"dynamic": True, "nms": False},
    }  # fmt: skip
    helper.set_model_props(model, {key: str(value) for key, value in facts.items()})
    onnx.save(model, str(path))
    return path, size


def _seen(result: FrameResult) -> Seen:
    """Return the boxes that have a track, and the classes that are published."""
    tracks = {sign.id: sign for sign in result.tracks}
    keep = [index for index, id_ in enumerate(result.track_ids) if id_ in tracks]
    owners = [tracks[result.track_ids[index]] for index in keep]
    classes = [owner.class_id if owner.is_sure else -1 for owner in owners]
    return Seen(result.detections.xyxy[keep], np.array(classes, np.intp))


def _boxes(result: Any) -> Seen:
    boxes = result.boxes.xyxy.cpu().numpy().astype(np.float32)
    return Seen(boxes, np.full(len(boxes), -1, np.intp))


if __name__ == "__main__":
    main()
