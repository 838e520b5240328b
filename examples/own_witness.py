"""Let something else that you know have a say: python own_witness.py SOURCE.

Here it is a dispatcher who says that the vehicle is in a town, where limits over 70 are unlikely. Such knowledge helps
to tell a half hidden 30 from an 80; it is a PRIOR, so it never makes a sign out of nothing.
"""

import sys

import numpy as np

import signpipe
from signpipe.catalogue import Catalogue, Effect, load_catalogue
from signpipe.opinion import Opinion, Role
from signpipe.settings import load_settings
from signpipe.witnesses import open_witnesses


class InTown:
    """Knows that limits over 70 km/h are a tenth as likely here."""

    name = "town"  # as verdicts and records call it
    role = Role.PRIOR
    weight = 1.0
    expensive = False

    def __init__(self, catalogue: Catalogue) -> None:
        fast = [sign.effect is Effect.LIMIT and (sign.limit or 0) > 70 for sign in catalogue]
        self._log_likelihood = np.where(fast, np.log(0.1), 0.0).astype(np.float32)

    def __call__(self, track: signpipe.SignTrack, frame: signpipe.Frame) -> Opinion | None:
        """Say the same of every sign that is large enough to be a sign of this road."""
        if track.side < 0.01 * frame.image.shape[0]:
            return None
        return Opinion(self.name, self._log_likelihood, "in a town")


settings = load_settings()
catalogue = load_catalogue()
witnesses = [*open_witnesses(settings, catalogue), InTown(catalogue)]
with signpipe.watch(sys.argv[1], settings, witnesses=witnesses) as results:
    for result in results:
        for event in result.events:
            asked = [o.witness for track in result.tracks if track.id == event.track_id for o in track.verdict.opinions]
            print(f"{result.frame.media_time:6.2f} s  {event.message}  (asked: {', '.join(asked) or 'nobody'})")
