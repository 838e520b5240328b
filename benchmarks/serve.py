"""Measures the server: its speed beside a bare FastAPI, and that it survives being killed and running for long.

    python benchmarks/serve.py load --requests 200 --json benchmarks/results/serve-load.json
    python benchmarks/serve.py faults --kills 200 --json benchmarks/results/serve-faults.json
    python benchmarks/serve.py soak --minutes 60 --sources 4 --json benchmarks/results/serve-soak.json

All of it is on loopback. `faults` and `soak` write what they have after each step, and `faults` goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import queue
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import cv2
import httpx
import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from signpipe.runtime.machine import describe_machine  # noqa: E402
from tests.support.clip import cut_sample  # noqa: E402
from tests.support.serving import Server, is_running, wait_for  # noqa: E402

JPEG = {"content-type": "image/jpeg"}
OPEN = {"limits": {"requests": 1e6, "burst": 1_000_000}}
_MOST_KILLS = 8  # while one job is under way
_BETWEEN = 1.0  # seconds between two kills, in the mean; in a server that has just been started too
_OF_PROCESSES = 0.75  # share of kills that fall on a source's or a job's process, and not on the server
_SETTLED = 0.2  # share of a soak at its beginning that no growth is read from
_SILENCE = 300.0  # seconds for which a process may say nothing: other work may take the machine for a while
_BLOCK = 120.0  # seconds whose mean is one value: neighbours are too alike to count as several
Row = dict[str, Any]


def bare() -> None:
    """Serve the same pipeline behind a FastAPI that does nothing else."""
    import uvicorn
    from fastapi import FastAPI, Request
    from starlette.concurrency import run_in_threadpool

    from signpipe.pipeline import Pipeline
    from signpipe.runtime.cores import usable_cores
    from signpipe.runtime.session import open_models
    from signpipe.settings import load_settings

    settings = load_settings(None, {"runtime.threads": 1})
    models = open_models(settings)
    free: queue.SimpleQueue[Pipeline] = queue.SimpleQueue()
    for _ in range(usable_cores()):
        free.put(Pipeline(settings, models=models))
    app = FastAPI()

    def run(data: bytes) -> Row:
        pipeline = free.get()
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            return {"tracks": pipeline(image, 0.0, independent=True).to_dict()["tracks"]}
        finally:
            free.put(pipeline)

    async def detect(request: Request) -> Row:
        return await run_in_threadpool(run, await request.body())

    detect.__annotations__["request"] = Request
    app.post("/v1/detect")(detect)
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)

    async def serve() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.05)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await serving

    asyncio.run(serve())


def load(requests: int, clients: int, rounds: int) -> Row:
    """Ask both servers in turns, so that what else the machine does falls on both."""
    picture = _picture()
    threads = {"SIGNPIPE_RUNTIME__THREADS": "0"}  # as many pictures at once as there are cores, as in the other
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder), {**OPEN}, environment=threads) as server:
        other = subprocess.Popen([sys.executable, __file__, "bare"], stdout=subprocess.PIPE, text=True)
        try:
            assert other.stdout is not None
            addresses = {"signpipe": server.address, "bare": f"http://127.0.0.1:{int(other.stdout.readline())}"}
            for address in addresses.values():
                _ask(address, picture, 4, clients)
            turns: list[Row] = []
            for number in range(rounds):
                order = sorted(addresses, reverse=bool(number % 2))
                turn = {name: _ask(addresses[name], picture, max(requests // rounds, 1), clients) for name in order}
                turns.append(turn)
                print(json.dumps({name: _told(turn[name]) for name in order}), flush=True)
        finally:
            other.kill()
            other.wait()
    taken = {name: np.array([ms for turn in turns for ms in turn[name]["ms"]]) for name in addresses}
    ratios = sorted(turn["signpipe"]["rate"] / turn["bare"]["rate"] for turn in turns)
    return {
        "requests_each": len(taken["bare"]),
        "clients": clients,
        "rounds": rounds,
        **{name: _percentiles(values) for name, values in taken.items()},
        "rate_ratio_median": round(float(np.median(ratios)), 3),
        "rate_ratios": [round(ratio, 3) for ratio in ratios],
        "p99_ratio": round(float(np.percentile(taken["bare"], 99) / np.percentile(taken["signpipe"], 99)), 3),
    }


def _ask(address: str, picture: bytes, requests: int, clients: int) -> Row:
    """Ask so often from so many clients; return the rate and the milliseconds of each."""

    def one(client: httpx.Client) -> float:
        start = time.perf_counter()
        answer = client.post(f"{address}/v1/detect", content=picture, headers=JPEG)
        assert answer.status_code == 200, answer.text
        return (time.perf_counter() - start) * 1e3

    with httpx.Client(timeout=600) as client, ThreadPoolExecutor(clients) as threads:
        start = time.perf_counter()
        taken = list(threads.map(one, [client] * requests))
        return {"rate": requests / (time.perf_counter() - start), "ms": taken}


def _told(row: Row) -> Row:
    return {"rate": round(row["rate"], 2), **_percentiles(np.array(row["ms"]))}


def _percentiles(values: Any) -> Row:
    return {f"p{percent}_ms": round(float(np.percentile(values, percent)), 1) for percent in (50, 99)}


def _road(name: str, clip: Path, fps: float) -> Row:
    """Return a source that shows a recording for ever, so many pictures a second."""
    return {
        "name": name,
        "address": str(clip),
        "settings": {"capture": {"loop": 0, "policy": "drop_oldest", "fps": fps}},
    }


def _picture() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        video = cv2.VideoCapture(str(cut_sample(Path(folder) / "x.mp4", 40, start=60)))
        video.set(cv2.CAP_PROP_POS_FRAMES, 30)
        image = video.read()[1]
        video.release()
    return cv2.imencode(".jpg", image)[1].tobytes()


def faults(kills: int, json_file: Path | None, seed: int) -> Row:
    """Kill the server or one of its processes at random moments, a job always being under way."""
    moments = random.Random(seed)
    done = json.loads(json_file.read_text()) if json_file and json_file.exists() else {}
    counts: Row = done.get("counts", {"kills": 0, "server": 0, "process": 0, "jobs": 0, "jobs_lost": 0,
                                      "signs_doubled": 0, "databases_damaged": 0, "processes_left": 0})  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = cut_sample(folder / "drive.mp4", 24, start=60)
        settings = {**OPEN, "jobs": {"attempts": _MOST_KILLS + 2}, "sources": [_road("road", clip, 2.0)]}
        with Server(folder, settings) as server:
            expected = _signs(server, _finished(server, _send(server, clip)))
            assert expected, "the piece of the drive has no sign"
            while counts["kills"] < kills:
                job = _send(server, clip)
                for _ in range(min(moments.randint(1, _MOST_KILLS), kills - counts["kills"])):
                    _kill(server, moments, counts)
                counts["jobs"] += 1
                counts["jobs_lost"] += _signs(server, _finished(server, job)) != expected
                _check(folder, counts)
                result = _result("faults", {"seed": seed, "counts": counts})
                print(json.dumps(counts), flush=True)
                _write(json_file, result)
    return {"seed": seed, "counts": counts}


def _send(server: Server, clip: Path) -> str:
    answer = server.client.post("/v1/jobs", params={"name": "drive.mp4"}, content=clip.read_bytes())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _finished(server: Server, job: str) -> str:
    def over() -> bool:
        return server.get(f"/v1/jobs/{job}")["state"] in ("done", "failed")

    wait_for(over, f"job {job}", 900)
    return job


def _signs(server: Server, job: str) -> list[tuple[int, str]]:
    signs = server.get("/v1/signs", source=f"job-{job}", limit=500)["signs"]
    return sorted((sign["track"], sign["class_name"]) for sign in signs)


def _kill(server: Server, moments: random.Random, counts: Row) -> None:
    process = moments.random() < _OF_PROCESSES
    end = time.monotonic() + 30
    while process and not server.workers() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(moments.expovariate(1 / _BETWEEN))
    workers = server.workers()
    counts["kills"] += 1
    if process and workers:
        counts["process"] += 1
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(moments.choice(workers), signal.SIGKILL)
        return
    counts["server"] += 1
    server.kill()
    time.sleep(moments.uniform(0.0, 0.5))
    server.start()
    end = time.monotonic() + 60
    while any(map(is_running, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    counts["processes_left"] += sum(map(is_running, workers))


def _check(folder: Path, counts: Row) -> None:
    """Look into the database beside the server."""
    with sqlite3.connect(folder / "data" / "signpipe.db") as database:
        counts["databases_damaged"] += database.execute("PRAGMA integrity_check").fetchone() != ("ok",)
        doubled = "SELECT count(*) FROM (SELECT 1 FROM signs GROUP BY run, track HAVING count(*) > 1)"
        counts["signs_doubled"] += database.execute(doubled).fetchone()[0]


def soak(minutes: float, sources: int, fps: float, json_file: Path | None, every: float) -> Row:
    """Watch some sources for long, with a client that asks and one that never reads; tell what grows."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        clip = cut_sample(folder / "drive.mp4", 48, start=60)
        named = [_road(f"road-{number}", clip, fps) for number in range(sources)]
        patient = {"silence": _SILENCE}
        server = stack.enter_context(Server(folder, {**OPEN, "server": patient, "sources": named}))
        wait_for(lambda: len(server.workers()) == sources and _all_run(server), "the sources", 900)
        deaf = stack.enter_context(_Deaf(server.port))
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < minutes * 60:
            deaf.stay()
            server.get("/v1/signs")
            server.client.get("/v1/sources/road-0/picture")
            server.client.get("/metrics")
            rows.append({"seconds": round(elapsed, 1), **_usage(server)})
            content = _grown(rows, sources, fps) | {"deaf_client_came": deaf.came}
            _write(json_file, _result("soak", content))
            print(json.dumps(rows[-1]), flush=True)
            time.sleep(every)
    return content


class _Deaf:
    """A client that asks for the stream of events and never reads; it comes again when it is cut off."""

    def __init__(self, port: int) -> None:
        self.came = 0
        self._port = port
        self._socket: socket.socket | None = None

    def stay(self) -> None:
        """Connect unless it is connected."""
        if self._socket is not None:
            try:
                if self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    return
            except BlockingIOError:
                return
            except OSError:
                pass
            self._socket.close()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", self._port))
        self._socket.sendall(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: 0\r\n\r\n")
        self.came += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()


def _all_run(server: Server) -> bool:
    return all(source["state"] == "running" and source["stats"] for source in server.get("/v1/sources")["sources"])


def _usage(server: Server) -> Row:
    """Memory, handles and threads of the server and of all its processes."""
    pids = [server.pid, *server.workers()]

    def each(read: Callable[[Path], int]) -> list[int]:
        return [read(Path(f"/proc/{pid}")) for pid in pids]

    megabytes = [pages * 4096 / 1e6 for pages in each(lambda proc: int((proc / "statm").read_text().split()[1]))]
    sources = server.get("/v1/sources")["sources"]
    return {
        "megabytes": round(sum(megabytes), 1),
        "server_megabytes": round(megabytes[0], 1),
        "stored_megabytes": round(sum(file.stat().st_size for file in server.data.glob("signpipe.db*")) / 1e6, 2),
        "handles": sum(each(lambda proc: len(list((proc / "fd").iterdir())))),
        "threads": sum(each(lambda proc: len(list((proc / "task").iterdir())))),
        "processes": len(pids),
        "restarts": sum(source["restarts"] for source in sources),
        "frames": sum(source["stats"].get("frames", 0) for source in sources),
        "frames_by_source": [source["stats"].get("frames", 0) for source in sources],
    }


def _grown(rows: list[Row], sources: int, fps: float) -> Row:
    """Tell how each number grows an hour, with its 95 % interval, once the first part of the time is over."""
    settled = rows[int(len(rows) * _SETTLED) :]
    grown: Row = {"sources": sources, "fps_each": fps, "samples": len(rows)}
    grown |= {"minutes": round(rows[-1]["seconds"] / 60, 2), "first": rows[0], "last": rows[-1]}
    grown |= {"settled_from_minute": round(settled[0]["seconds"] / 60, 2), "block_seconds": _BLOCK}
    blocks: dict[int, list[Row]] = {}
    for row in settled:
        blocks.setdefault(int(row["seconds"] // _BLOCK), []).append(row)
    if len(blocks) < 4:
        return grown
    hours = [np.mean([row["seconds"] for row in block]) / 3600 for block in blocks.values()]
    for key in ("megabytes", "server_megabytes", "handles", "threads"):
        values = [float(np.mean([row[key] for row in block])) for block in blocks.values()]
        fit = linregress(hours, values)
        half = float(student.ppf(0.975, len(values) - 2)) * float(fit.stderr)
        low, slope, high = (round(float(fit.slope) + side * half, 2) for side in (-1, 0, 1))
        grown[f"{key}_an_hour"] = {"slope": slope, "interval": [low, high]}
        grown[f"{key}_by_block"] = [round(value, 1) for value in values]
    return grown


def _result(kind: str, content: Row) -> Row:
    return {"kind": f"serve-{kind}", "machine": asdict(describe_machine()), **content}


def _write(file: Path | None, result: Row) -> None:
    if file:
        file.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("load", "faults", "soak", "bare"))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--fps", type=float, default=1.0, help="pictures a second of each source of the soak")
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.what == "bare":
        bare()
        return
    if given.what == "load":
        content = load(given.requests, given.clients, given.rounds)
    elif given.what == "faults":
        content = faults(given.kills, given.json, given.seed)
    else:
        content = soak(given.minutes, given.sources, given.fps, given.json, given.every)
    result = _result(given.what, content)
    _write(given.json, result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
