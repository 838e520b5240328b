"""How long it takes from a fresh install until the sample drive is live in a browser.

    python benchmarks/serve_demo.py --rounds 3 --json benchmarks/results/serve-demo.json [--picture docs/serve.png]

Makes an environment that has nothing, installs this checkout into it with the extra `serve`, starts
`signpipe serve --demo` there, and opens the page in Chromium. The clock starts with the command, and stops when the
page shows a picture of the drive, and when it lists the first confirmed sign. The first round is the one right after
the install. Needs the extra `dev`, and Debian's chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from signpipe.runtime.machine import describe_machine  # noqa: E402

PATIENCE = 600.0  # seconds


def install(place: Path) -> Path:
    """Return the command of an environment that is made for it."""
    with tempfile.TemporaryDirectory() as wheels:
        _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, str(ROOT))
        _run(sys.executable, "-m", "venv", str(place))
        (wheel,) = Path(wheels).glob("*.whl")
        _run(str(place / "bin" / "pip"), "install", "-q", f"{wheel}[serve]")
    return place / "bin" / "signpipe"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def watch(command: Path, browser: Browser, picture: Path | None) -> dict[str, float]:
    """Start the demo, and return when what was there to see, in seconds from the start."""
    start = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [command, "serve", "--demo", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
        ) as server,
    ):
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            seen = {"address": time.monotonic() - start}
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            expect.set_options(timeout=PATIENCE * 1e3)
            page.goto(address)
            expect(page.locator("img.view")).to_have_js_property("naturalWidth", 960)
            seen["picture"] = time.monotonic() - start
            expect(page.locator("#signs li").first).to_be_visible()
            seen["sign"] = time.monotonic() - start
            if picture is not None:
                page.wait_for_timeout(20_000)
                page.screenshot(path=picture)
            page.close()
        finally:
            server.send_signal(signal.SIGTERM)
    assert server.returncode == 0, server.returncode
    return {name: round(value, 1) for name, value in seen.items()}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="also keep a picture of the page, 20 s after its first sign")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        start = time.monotonic()
        command = install(Path(name) / "fresh")
        installed = round(time.monotonic() - start, 1)
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        rounds = [watch(command, chromium, given.picture if not number else None) for number in range(given.rounds)]
        chromium.close()
    result = {
        "kind": "serve-demo", "machine": asdict(describe_machine()), "install_seconds": installed, "rounds": rounds,
        "load_average": os.getloadavg()[0],
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
