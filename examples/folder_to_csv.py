"""List the signs in a folder of unrelated pictures as CSV: python folder_to_csv.py FOLDER > signs.csv."""

import csv
import sys
from pathlib import Path

import signpipe

table = csv.writer(sys.stdout)
table.writerow(["picture", "sign", "probability", "left", "top", "right", "bottom"])
with signpipe.watch(Path(sys.argv[1]), capture={"independent": True}) as results:
    for result in results:
        if isinstance(result.frame, signpipe.Gap):
            continue  # there are none in a folder, but a camera has some
        for track in result.tracks:
            if track.sign:  # else it isn't sure enough to be named
                box = [round(float(edge), 1) for edge in track.xyxy]
                table.writerow([result.frame.name, track.sign.name, f"{track.confidence:.3f}", *box])
