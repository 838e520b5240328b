"""Watch several sources at once with one set of models: python two_cameras.py SOURCE SOURCE ...

Each source has its own pipeline, since tracks and limits belong to one road; the models, which take most of the memory,
are shared.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import signpipe


def follow(source: str, models: signpipe.Models) -> str:
    """Watch one source to its end; say which signs it passed."""
    signs = set()
    with signpipe.watch(source, models=models) as results:
        for result in results:
            signs |= {track.sign.title for track in result.tracks if track.sign}
    return f"{source}: {', '.join(sorted(signs)) or 'no signs'}"


sources = sys.argv[1:]
with signpipe.open_models() as models, ThreadPoolExecutor(len(sources)) as threads:
    for line in threads.map(follow, sources, [models] * len(sources)):
        print(line)
