"""Puts into one table what the tests of faults and the long runs of the server saw, for the quality report.

    make faults     # the tests, this table, and the report written anew with it

What `benchmarks/serve.py` wrote is taken from the folder of the table's file: serve-faults.json and so on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Row = dict[str, Any]


def table(junit: list[Path], folder: Path) -> Row:
    """Return one table of what was run and what was seen, as a result that the quality report includes."""
    rows, passed, cases = [], 0, 0
    for file in junit:
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            if case.find("skipped") is not None:
                continue
            cases, passed = cases + 1, passed + (not failed)
            sentence = case.attrib["name"].removeprefix("test_").replace("_", " ")
            for written, meant in (("cant ", "can't "), ("isnt ", "isn't "), ("[", ": "), ("]", "")):
                sentence = sentence.replace(written, meant)
            seen = "FAILED" if failed else f"held, in {float(case.attrib['time']):.0f} s"
            rows.append({"run": sentence[0].upper() + sentence[1:], "seen": seen})
    metrics: Row = {"faults": cases, "held": passed}
    for name, told in (("faults", _told_faults), ("load", _told_load), ("soak", _told_soak)):
        file = folder / f"serve-{name}.json"
        if file.exists():
            run, seen = told(json.loads(file.read_text()))
            rows.append({"run": run, "seen": seen})
    return {
        "task": "faults", "model": "signpipe serve", "sha256": "", "data": "pieces of the sample drive",
        "data_digest": "", "pictures": 0, "metrics": metrics | {"rows": rows},
    }  # fmt: skip


def _told_faults(result: Row) -> tuple[str, str]:
    counts = result["counts"]
    where = f"{counts['server']} of the server, {counts['process']} of a process"
    return f"{counts['kills']} kills at random moments ({where})", (
        f"{counts['jobs']} jobs under way: {counts['jobs_lost']} lost or with other signs; signs doubled: "
        f"{counts['signs_doubled']}; databases damaged: {counts['databases_damaged']}; processes left: "
        f"{counts['processes_left']}"
    )


def _told_load(result: Row) -> tuple[str, str]:
    run = f"{result['requests_each']} pictures from {result['clients']} clients, beside a bare FastAPI"
    return run, (
        f"rate {result['rate_ratio_median']} of the bare one's (median of {result['rounds']} rounds), its p99 "
        f"{result['p99_ratio']} of ours"
    )


def _told_soak(result: Row) -> tuple[str, str]:
    growths = {
        key.replace("_", " "): result[f"{key}_an_hour"]
        for key in ("megabytes", "server_megabytes", "handles", "threads")
    }
    grown = ", ".join(f"{key} {one['slope']:+} an hour (95 %: {one['interval']})" for key, one in growths.items())
    run = f"{result['minutes']:.0f} minutes with {result['sources']} sources and a client that never reads"
    return run, f"{result['last']['restarts']} restarts; {grown}"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--junit", type=Path, action="append", required=True)
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    given.json.write_text(json.dumps(table(given.junit, given.json.parent), indent=1) + "\n")


if __name__ == "__main__":
    main()
