"""All occluders and corruptions by name, and which of them training may never see.

A network that has trained on an effect may have memorised its look. So one whole family of each kind is held out, and
only robustness against that tells how a network meets what it has never seen:

- Occluders: vegetation (leaves and branches). It is what hides signs most often on the road, so the number that matters
  most isn't flattered, and it is unlike the rest: many small pieces with gaps between them, where the others are
  compact shapes, strokes or patches.
- Corruptions: stray light and water in front of the lens (drops on the windscreen, glare, low sun). All three vary over
  the picture and come from refraction and scattering in the windscreen and the lens; what is trained on is uniform
  over the picture, local in the scene, or made in the sensor and the encoder.
"""

from __future__ import annotations

from signpipe.lab.augmentation.camera import CAMERA
from signpipe.lab.augmentation.corruption import Corruption
from signpipe.lab.augmentation.damage import DAMAGE
from signpipe.lab.augmentation.light import LIGHT
from signpipe.lab.augmentation.occluder import Occluder
from signpipe.lab.augmentation.occluders.deposits import DEPOSITS
from signpipe.lab.augmentation.occluders.objects import OBJECTS
from signpipe.lab.augmentation.occluders.patches import PATCHES
from signpipe.lab.augmentation.occluders.vandalism import VANDALISM
from signpipe.lab.augmentation.occluders.vegetation import VEGETATION
from signpipe.lab.augmentation.weather import WEATHER

OCCLUDERS: dict[str, Occluder] = {o.name: o for o in VEGETATION + OBJECTS + DEPOSITS + VANDALISM + PATCHES}
CORRUPTIONS: dict[str, Corruption] = {c.name: c for c in WEATHER + LIGHT + CAMERA + DAMAGE}

TRAINING_OCCLUDERS = tuple(o for o in OCCLUDERS.values() if not o.held_out)
HELD_OUT_OCCLUDERS = tuple(o for o in OCCLUDERS.values() if o.held_out)
TRAINING_CORRUPTIONS = tuple(c for c in CORRUPTIONS.values() if not c.held_out)
HELD_OUT_CORRUPTIONS = tuple(c for c in CORRUPTIONS.values() if c.held_out)
