"""The reader of figures beside a general one (RapidOCR, PP-OCR in ONNX), on the same signs in one run.

    python benchmarks/ocr.py --data DATA --json benchmarks/results/ocr.json

RapidOCR is shown the same boxes, twice as large, once with its text detector and once as one line. Its texts are
written as the reader writes them: without blanks, in lower case, with a point as the decimal mark; of several lines the
one with a figure counts. Both run on the threads that they choose. Install RapidOCR without what it depends on, or it
brings a second OpenCV:

    pip install --no-deps rapidocr colorlog omegaconf antlr4-python3-runtime pyclipper shapely six
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from signpipe.cli.measuring import write_json
from signpipe.figures.reader import Reader
from signpipe.lab.data import find_data
from signpipe.lab.evaluation.figures import Case, figure_sets
from signpipe.runtime.machine import describe_machine
from signpipe.runtime.session import open_session
from signpipe.settings import load_settings
from signpipe.types import SURE_FIGURES, Image

Read = Callable[[Case], tuple[str, float]]  # a text and its probability


def as_written(texts: Sequence[str]) -> str:
    """Return what an OCR read as the reader would write it."""
    lines = [text.replace(" ", "").replace(",", ".").replace("yds", "yd").lower() for text in texts]
    return next((line for line in lines if any(map(str.isdigit, line))), "")


def crop_of(case: Case) -> Image:
    """Return a sign twice as large, with a margin."""
    x1, y1, x2, y2 = case.xyxy
    margin = 0.06 * min(x2 - x1, y2 - y1)
    left, top = max(round(float(x1 - margin)), 0), max(round(float(y1 - margin)), 0)
    piece = case.image[top : round(float(y2 + margin)), left : round(float(x2 + margin))]
    return np.asarray(cv2.resize(piece, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)


def readers() -> dict[str, Read]:
    """Return everyone who reads, by name."""
    from rapidocr import RapidOCR

    settings = load_settings()
    own = Reader(open_session(settings.figures.model, settings.runtime, "reader"))
    ocr: Any = RapidOCR(params={"Global.log_level": "error"})

    def signpipe(case: Case) -> tuple[str, float]:
        one = own(case.image, case.xyxy)[0]
        return one.text, one.probability

    def detected(case: Case) -> tuple[str, float]:
        result = ocr(crop_of(case), use_cls=False)
        texts, scores = result.txts or (), result.scores or ()
        return as_written(texts), float(min(scores, default=1.0))

    def one_line(case: Case) -> tuple[str, float]:
        result = ocr(crop_of(case), use_det=False, use_cls=False, use_rec=True)
        texts, scores = result.txts or (), result.scores or ()
        return as_written(texts), float(min(scores, default=1.0))

    return {"signpipe": signpipe, "rapidocr": detected, "rapidocr, one line": one_line}


def measure(cases: Sequence[Case], read: Read) -> dict[str, Any]:
    """Return what a reader made of signs, and the milliseconds that it took."""
    found, took = [], []
    for case in cases:
        start = perf_counter()
        found.append(read(case))
        took.append((perf_counter() - start) * 1e3)
    right = np.array([text == case.text for (text, _), case in zip(found, cases, strict=True)])
    sure = np.array([score >= SURE_FIGURES and text != "?" for text, score in found])
    return {
        "n": len(cases),
        "right": float(right.mean()),
        "right_sure": float((right & sure).mean()),
        "wrong_sure": float((~right & sure).sum() / max(sure.sum(), 1)),
        "ms_median": float(np.median(took)),
        "ms_p90": float(np.percentile(took, 90)),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--signs", type=int, default=120, help="signs of each set")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    everyone = readers()
    rng = np.random.default_rng(0)
    results: dict[str, Any] = {}
    table = Table(title="figures read; shares in %, wrong of those read surely; milliseconds a sign")
    for name in ("set", "reader", "n", "right", "surely right", "surely wrong", "ms"):
        table.add_column(name)
    for name, cases in track(figure_sets(find_data(options.data), 1).items(), transient=True):
        chosen = [cases[i] for i in rng.permutation(len(cases))[: options.signs]]
        results[name] = {who: measure(chosen, read) for who, read in everyone.items()}
        for who, cell in results[name].items():
            shares = [f"{100 * cell[key]:.1f}" for key in ("right", "right_sure", "wrong_sure")]
            table.add_row(name, who, str(cell["n"]), *shares, f"{cell['ms_median']:.2f}")
    Console().print(table)
    medians = {who: float(np.median([cell[who]["ms_median"] for cell in results.values()])) for who in everyone}
    if options.json:
        ratios = {who: ms / medians["signpipe"] for who, ms in medians.items()}
        content = {"task": "ocr", "sure": SURE_FIGURES, "sets": results, "ms_median": medians, "times_slower": ratios}
        write_json(options.json, content | {"machine": asdict(describe_machine())})


if __name__ == "__main__":
    main()
