"""Single pictures: some pipelines that share their models, each in a thread of its own."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from signpipe.pipeline import Pipeline
from signpipe.runtime.cores import usable_cores
from signpipe.runtime.session import open_models
from signpipe.serve.pictures import open_picture
from signpipe.settings import Settings, override_settings

Sent = tuple[bytes, str]  # a picture's bytes and type


class Detection:
    """Says which signs are on pictures.

    The models are opened once, with one thread a run, and as many pictures as there are cores are worked on at once:
    that takes a core less time a picture than several threads on one.

    Args:
        settings: Of the pipeline; sources, maps and positions play no part.
        megapixels: Most pixels of a picture, in 10^6.

    Raises:
        ModelError: A model can't be used.

    Attributes:
        models: The models, open.
        catalogue: The signs that are known.
    """

    def __init__(self, settings: Settings, megapixels: float) -> None:
        workers = settings.runtime.threads or usable_cores()
        alone = {"runtime.threads": 1, "map.file": None, "position.source": None, "lidar.sweeps": None}
        own = override_settings(settings, {**alone, "motion.source": None})
        self._megapixels = megapixels
        self.models = open_models(own)
        pipelines = [Pipeline(own, models=self.models) for _ in range(workers)]
        self.catalogue = pipelines[0].catalogue
        self._free: queue.SimpleQueue[Pipeline] = queue.SimpleQueue()
        for pipeline in pipelines:
            self._free.put(pipeline)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="detection")

    async def __call__(self, pictures: Sequence[Sent]) -> list[dict[str, Any]]:
        """Return what is on each picture.

        Raises:
            PictureError: One can't be taken; none of the others is answered either.
            ModelError: A model can't be run.
        """
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(self._threads, self._detect, *picture) for picture in pictures]
        try:
            return list(await asyncio.gather(*waiting))
        except BaseException:
            for one in waiting:
                one.cancel()
            raise

    def close(self) -> None:
        """Release the models, once what is under way is done."""
        self._threads.shutdown(cancel_futures=True)
        self.models.close()

    def _detect(self, data: bytes, kind: str) -> dict[str, Any]:
        image = open_picture(data, kind, self._megapixels)
        pipeline = self._free.get()
        try:
            result = pipeline(image, 0.0, independent=True)
        finally:
            self._free.put(pipeline)
        record = result.to_dict()
        return {
            "width": record["width"],
            "height": record["height"],
            "signs": [_sign(track, pipeline) for track in record["tracks"]],
            "milliseconds": record["timings_ms"]["total"],
        }


def _sign(track: dict[str, Any], pipeline: Pipeline) -> dict[str, Any]:
    """Return what is told of a sign on a picture; its class only if that may be published."""
    name = track["class_name"]
    return {
        "box": track["xyxy"],
        "class_name": name,
        "title": None if name is None else pipeline.catalogue.by_name(name).title,
        "category": track["category"],
        "probability": track["probability"],
        "score": track["score"],
        "verdict": track["verdict"],
        "reason": track["reason"],
        "best_guess": track["best_class_name"],
        "best_probability": track["best_probability"],
    }
