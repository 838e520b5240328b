"""Can the country be told by its signs alone? Draw some of a set's signs, and ask which country's prototypes fit best.

    .venv/bin/python benchmarks/country_by_signs.py --json benchmarks/results/country-by-signs.json

A country is as likely as its signs are, by network and prototypes together (`PackHead`), against signs of no country.
The boxes are the truth's, of validation pictures. Belgium's prototypes are partly photographs of the same streets.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue.countries import country_codes, load_country
from signpipe.crops import crop_signs
from signpipe.few_shot.pack import open_prototypes
from signpipe.lab.data import find_data
from signpipe.lab.evaluation.crop_sets import every_sign
from signpipe.runtime.session import Session, open_session
from signpipe.settings import Settings
from signpipe.shipped import shipped
from signpipe.types import Classifications, FloatArray

SETS = {"gtsdb": "de", "btsd": "be", "sy32": "fr", "boards": "au"}
SIDE = 28.0  # pixels from which a sign is asked
NOTHING = -5.0  # the least log odds of a sign: one that fits no country must not decide by how little it fits
DRAWS = 200


def look(session: Session, data: Path, name: str) -> Classifications:
    """Return what the classifier says of the boxed signs of a set's validation pictures."""
    probability, embedding = [], []
    for scene in every_sign(data, name, "val"):
        image = scene.read()
        boxes = scene.boxes_in(image.shape)[~scene.ignore]
        boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) >= SIDE]
        if len(boxes):
            run = session.run(crop_signs(image, boxes, session.entry.margin, int(session.entry.input.shape[1])))
            probability.append(run["probabilities"].copy())
            embedding.append(run["embedding"].copy())
    joined = np.concatenate(probability)
    return Classifications(joined, np.concatenate(embedding), np.zeros(len(joined), np.float32))


def fit(known: Classifications, session: Session) -> FloatArray:
    """Return the log odds of each sign under each country, float32 (N, countries)."""
    prototypes = open_prototypes(shipped("models") / "prototypes.npz", session)
    columns = []
    for code in country_codes():
        head = prototypes.head(load_country(code))
        odds, none = head.weigh(known)
        present = np.array([sign.present for sign in head.catalogue])
        columns.append(np.maximum(np.log(none[:, 0] + odds @ present), NOTHING))
    return np.stack(columns, axis=1)


def main() -> None:
    """Draw 5, 15 and 30 signs of each set, and count which country they are taken for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Folder of the data sets; else SIGNPIPE_DATA, else ../shared/data.")
    parser.add_argument("--json", type=Path, help="Write the result here.")
    arguments = parser.parse_args()
    settings = Settings()
    session = open_session(settings.embedder, settings.runtime, "classifier")
    rng, codes = np.random.default_rng(0), country_codes()
    result: dict[str, dict[str, Any]] = {}
    for name, truth in SETS.items():
        odds = fit(look(session, find_data(arguments.data), name), session)
        result[name] = {"country": truth, "signs": len(odds), "told_right": {}, "taken_for": {}}
        for count in (5, 15, 30):
            draws = [rng.choice(len(odds), count, replace=False) for _ in range(DRAWS)]
            told = Counter(codes[int(odds[draw].sum(axis=0).argmax())] for draw in draws)
            result[name]["told_right"][count] = told[truth] / DRAWS
            result[name]["taken_for"][count] = {code: times / DRAWS for code, times in told.most_common(4)}
        print(name, result[name])
    if arguments.json:
        arguments.json.write_text(json.dumps({"draws": DRAWS, "sets": result}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
