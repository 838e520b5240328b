"""Say what a camera sees: python webcam.py [0 | rtsp://camera/road | drive.mp4]."""

import sys

import signpipe

with signpipe.watch(sys.argv[1] if len(sys.argv) > 1 else 0) as results:
    for result in results:
        for event in result.events:
            print(f"{results.info.source_id}: {event.message} ({event.status}, {event.confidence:.0%})", flush=True)
