"""Find signs with a detector of your own: python own_detector.py SOURCE.

This one looks for red rings by their colour, which needs no network and is easily fooled. The classifier, the tracker
and all that follows stay as they are.
"""

import sys

import cv2
import numpy as np

import signpipe
from signpipe.types import Prepared


class RedThings:
    """Boxes around whatever is as red as a prohibitory sign."""

    def __call__(self, prepared: Prepared) -> tuple[signpipe.Detections, signpipe.Detections]:
        """Return what is found, and further candidates, of which there are none."""
        hue, saturation, value = cv2.split(cv2.cvtColor(prepared.picture, cv2.COLOR_BGR2HSV))
        red = ((hue < 8) | (hue > 172)) & (saturation > 110) & (value > 60)
        count, _, stats, _ = cv2.connectedComponentsWithStats(red.astype(np.uint8))
        boxes = [
            (x, y, x + width, y + height)
            for x, y, width, height, _ in stats[1:count].tolist()
            if min(width, height) >= 16 and 0.8 < width / height < 1.25
        ]
        found = signpipe.Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.5, np.float32))
        return found, signpipe.Detections.empty()


with signpipe.watch(sys.argv[1], stages={"detect": RedThings()}) as results:
    for result in results:
        for event in result.events:
            print(f"{result.frame.media_time:6.2f} s  {event.message}")
