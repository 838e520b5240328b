"""Labels of classes that the classifier knows, and of what is no sign: taught to its last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.errors import ExtraMissingError
from signpipe.few_shot.folder import CATALOGUE, write_few_shot
from signpipe.lab.few_shot.change import rebuilt
from signpipe.lab.few_shot.examples import Examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.lab.retraining.candidate import ADDED, Retrained, is_held_back, open_classifier, pictures_of
from signpipe.lab.retraining.head import exact_of, features_of, read_head, teach, write_head
from signpipe.review import NOT_A_SIGN
from signpipe.review.queue import Queued
from signpipe.runtime.session import Session
from signpipe.settings import Settings
from signpipe.types import Image

Labels = npt.NDArray[np.int64]


def teach_known(
    signs: Mapping[str, Sequence[Queued]],
    candidate: Path,
    session: Session,
    replay: Image,
    settings: Settings,
    result: Retrained,
) -> Session:
    """Teach a candidate's classifier what was labelled with its own classes, or as no sign.

    Args:
        signs: Labelled items by class.
        candidate: The folder of models.
        session: Its classifier.
        replay: Crops of signs as they were always seen, of which it must go on saying what it says.
        settings: The whole configuration.
        result: Gets what was done and found.

    Returns:
        The classifier, opened again where its file has changed.
    """
    maker, names = PrototypeMaker(session), load_catalogue().names
    views, labels, held, held_labels = [], [], [], []
    for name, entries in sorted(signs.items()):
        label = len(names) if name == NOT_A_SIGN else names.index(name)
        sources = pictures_of(entries)
        back = is_held_back(len(sources))
        shown = [maker.views(name, Examples(sources[~back])), maker.plain(Examples(sources[~back]))]
        views += shown
        labels += [label] * sum(map(len, shown))
        if back.any():
            held.append(maker.plain(Examples(sources[back])))
            held_labels += [label] * int(back.sum())
        result.taken[name] = int((~back).sum())
    try:
        exact = exact_of(candidate, settings.classify.model).path
        head, old = read_head(exact), features_of(exact, replay)
    except ExtraMissingError as missing:
        result.left |= {name: str(missing) for name in signs}
        result.taken = {name: count for name, count in result.taken.items() if name not in signs}
        return session
    taught = teach(head, old, features_of(exact, np.concatenate(views)), np.array(labels, np.int64))
    if held:
        seen, wanted = features_of(exact, np.concatenate(held)), np.array(held_labels, np.int64)
        before, after = (float((one(seen).argmax(axis=1) == wanted).mean()) for one in (head, taught))
        result.judged |= {
            "held_back": len(wanted), "held_back_right_before": round(before, 5), "held_back_right": round(after, 5),
        }  # fmt: skip
        if after < before:
            result.problems.append(f"of what was held back {after:.0%} are read right, and {before:.0%} were before")
    session.close()
    write_head(candidate, settings.classify.model, taught)
    again = open_classifier(candidate, settings)
    if (candidate / ADDED / CATALOGUE).is_file():  # the prototypes are the same, of a file with another checksum
        write_few_shot(candidate / ADDED, rebuilt(candidate / ADDED, load_catalogue(), PrototypeMaker(again)), again)
    return again
