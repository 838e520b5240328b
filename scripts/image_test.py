"""Performs the steps of deploy/Dockerfile in bare Debian roots, as a container engine would, and starts what comes out.

    python scripts/image_test.py [--target cpu] [--cache FOLDER]

No container engine is needed: a stage is an overlay on the stage that it is FROM, an official Python image is a root
that debootstrap makes (kept in the cache), and each instruction is carried out as the Dockerfile says, in its order;
one that isn't known here is an error. Then the image is started as its user, on a root file system that can't be
written, in a network of its own, with a token and deploy/server.toml as the README of deploy/ says, and its health
check has to fail before, and to pass within its time. Needs root, debootstrap and Debian or Ubuntu.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
INSIDE = "SIGNPIPE_IMAGE_TEST"  # set once this script runs in namespaces of its own, which take all mounts with them
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"  # what the Python image has and a bare root lacks
ACCESS = ("PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "SSL_CERT_FILE", "UV_DEFAULT_INDEX")
ACCESS_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
PATIENCE = 6  # times the health check's start period: a machine that tests is slow


@dataclass
class Stage:
    """A stage of the Dockerfile, and the root that its steps have made.

    Attributes:
        base: The stage or image that it is FROM.
        steps: Instructions with their arguments.
        layers: Folders of its file system, the topmost first.
        root: Where it is mounted.
        environment: What ENV has set.
        workdir: Where RUN runs.
        user: Who ENTRYPOINT runs as, UID:GID.
        volumes: Folders that are written.
        said: Arguments of ENTRYPOINT, CMD and HEALTHCHECK.
    """

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    layers: list[Path] = field(default_factory=list)
    root: Path = Path()
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    volumes: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


def read_stages(text: str) -> dict[str, Stage]:
    """Return the stages of a Dockerfile by name, in their order."""
    stages: dict[str, Stage] = {}
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.split()
            stages[name] = Stage(base)
        else:
            stages[list(stages)[-1]].steps.append((word, rest.strip()))
    return stages


def needed(stages: Mapping[str, Stage], target: str) -> list[str]:
    """Return the stages that a target needs, itself the last."""
    stage = stages[target]
    mounted = [found for _, rest in stage.steps for found in re.findall(r"from=(\w+)", rest)]
    found = [name for one in (stage.base, *mounted) if one in stages for name in needed(stages, one)]
    return list(dict.fromkeys([*found, target]))


class Builder:
    """Makes stages one after the other.

    Args:
        stages: Of the Dockerfile.
        place: Folder for everything that is made.
        cache: Folder in which bare roots are kept.
    """

    def __init__(self, stages: Mapping[str, Stage], place: Path, cache: Path) -> None:
        self._stages, self._place, self._cache = stages, place, cache

    def build(self, name: str) -> Stage:
        """Carry out a stage's steps; the stages that it needs are there."""
        stage = self._stages[name]
        before = self._stages.get(stage.base)
        if before is None:
            lower = [self._bare(stage.base)]
        else:
            lower = before.layers
            stage.environment, stage.workdir = dict(before.environment), before.workdir
            stage.user, stage.volumes, stage.said = before.user, list(before.volumes), dict(before.said)
        upper, work, stage.root = (self._place / kind / name for kind in ("layers", "work", "roots"))
        for folder in (upper, work, stage.root):
            folder.mkdir(parents=True)
        stage.layers = [upper, *lower]
        below = ":".join(map(str, lower))
        run("mount", "-t", "overlay", "-o", f"lowerdir={below},upperdir={upper},workdir={work}", name, stage.root)
        attach(stage.root)
        for word, rest in stage.steps:
            with telling(f"{name}: {word} {shown(rest)}"):
                self._step(stage, word, rest)
        return stage

    def _step(self, stage: Stage, word: str, rest: str) -> None:
        if word == "ENV":
            for name, value in re.findall(r"(\w+)=(\S+)", rest):
                path = stage.environment.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                stage.environment[name] = value.replace("$PATH", path)
        elif word == "COPY":
            copy(stage, rest.split())
        elif word == "RUN":
            self._run(stage, rest)
        elif word == "WORKDIR":
            stage.workdir = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = rest
        elif word == "VOLUME":
            stage.volumes += rest.split()
        elif word in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            stage.said[word] = rest
        elif word not in ("LABEL", "EXPOSE"):  # those tell an engine something, and do nothing
            raise SystemExit(f"image: this script doesn't know the instruction {word}")

    def _run(self, stage: Stage, command: str) -> None:
        """Run a command as root in a stage, with what `--mount=type=bind` shows it of another."""
        mounted = []
        while found := re.match(r"--mount=(\S+)\s+", command):
            given = dict(pair.split("=", 1) for pair in found[1].split(","))
            if given.pop("type") != "bind" or given.keys() != {"from", "source", "target"}:
                raise SystemExit(f"image: this script doesn't know the mount {found[1]}")
            target = stage.root / given["target"].lstrip("/")
            target.mkdir(parents=True)
            run("mount", "--bind", self._stages[given["from"]].root / given["source"].lstrip("/"), target)
            mounted.append(target)
            command = command[found.end() :]
        access = {name: os.environ[name] for name in ACCESS if name in os.environ}
        access |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        run(*within(stage, "0:0", ["/bin/sh", "-c", f"cd {stage.workdir} && {command}"], access))
        for target in mounted:
            run("umount", target)
            target.rmdir()

    def _bare(self, image: str) -> Path:
        """Return a root of the Debian release that a Python image is of, with the system's Python in it."""
        release = re.fullmatch(r"python:[\d.]+-slim-(\w+)", image)
        if release is None:
            raise SystemExit(f"image: this script knows no root for the image {image}")
        root, kept = self._place / "bare", self._cache / f"{release[1]}.tar"
        root.mkdir()
        if not kept.exists():
            with telling(f"FROM {image}: debootstrap {release[1]}"):
                made = self._place / "made"
                options = ("--variant=minbase", f"--include={PACKAGES}")
                run("debootstrap", *options, release[1], made, *mirror(), log=self._place / "debootstrap.log")
                self._cache.mkdir(parents=True, exist_ok=True)
                run("tar", "--create", "--file", f"{kept}.{os.getpid()}", "--directory", made, ".")
                Path(f"{kept}.{os.getpid()}").replace(kept)
                shutil.rmtree(made)
        with telling(f"FROM {image}: {kept}"):
            run("tar", "--extract", "--file", kept, "--directory", root, "--numeric-owner")
        for file in map(Path, ACCESS_FILES):  # how this machine reaches its registries
            if file.exists():
                shutil.copyfile(file.resolve(), root / file.relative_to("/"))
        for file in Path("/etc/apt/apt.conf.d").glob("*"):
            shutil.copyfile(file, root / file.relative_to("/"))
        return root


def start(stage: Stage, place: Path) -> None:
    """Start an image as an operator does, and ask for its health."""
    health = re.fullmatch(r"(?P<options>(?:--\S+ +)*)CMD +(?P<command>\[.*\])", stage.said["HEALTHCHECK"])
    assert health is not None, stage.said["HEALTHCHECK"]
    options = dict(re.findall(r"--([\w-]+)=(\d+)", health["options"]))
    entry, arguments = json.loads(stage.said["ENTRYPOINT"]), json.loads(stage.said["CMD"])
    shutil.copyfile(ROOT / "deploy" / "server.toml", stage.root / "etc/signpipe/server.toml")
    sealed = place / "sealed"
    sealed.mkdir()
    run("mount", "--bind", stage.root, sealed)
    run("mount", "-o", "remount,bind,ro", sealed)
    attach(sealed)
    user, group = stage.user.split(":")
    assert user != "0", "the image runs as root"
    run("mount", "-t", "tmpfs", "none", sealed / "tmp")
    for volume in stage.volumes:
        run("mount", "-t", "tmpfs", "-o", f"uid={user},gid={group},mode=755", "none", sealed / volume.lstrip("/"))
    image = Stage(stage.base, root=sealed, environment=stage.environment)
    run(*within(image, stage.user, [*entry, "serve", "--new-token", "--data", "/data"]), log=place / "token")
    network = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    with (place / "server.log").open("wb") as log:
        began = time.monotonic()
        server = subprocess.Popen(
            [*network, *within(image, stage.user, [*entry, *arguments])], stdout=log, stderr=subprocess.STDOUT
        )
    asking = ["nsenter", f"--net=/proc/{server.pid}/ns/net"]
    ask = [*asking, *within(image, stage.user, json.loads(health["command"]))]

    def healthy() -> bool:
        return subprocess.run(ask, capture_output=True, check=False, timeout=60).returncode == 0

    assert not healthy(), "the health check passes before the server can have started"
    while not healthy():
        late = time.monotonic() - began > PATIENCE * int(options["start-period"])
        if late or server.poll() is not None:
            raise SystemExit(f"image: not healthy; the server said: {(place / 'server.log').read_text()}")
        time.sleep(1)
    taken = time.monotonic() - began
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert re.search(rf"^Uid:\s+{user}\s+{user}\s+{user}\s+{user}$", status, re.MULTILINE), status
    server.terminate()
    code = server.wait(60)
    assert code == 0, f"the server ended with code {code}: {(place / 'server.log').read_text()}"
    say(f"healthy {taken:.0f} s after its start, as user {user} on a root that can't be written; ended in good order")


def within(stage: Stage, user: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that runs another in a root, with nothing of this environment."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"} | stage.environment
    named = [f"{name}={value}" for name, value in {**environment, **(more or {})}.items()]
    return ["chroot", f"--userspec={user}", "--groups=", str(stage.root), "/usr/bin/env", "-i", *named, *command]


def copy(stage: Stage, names: Sequence[str]) -> None:
    """Copy from the checkout into a stage."""
    *sources, place = names
    target = stage.root / (PurePosixPath(stage.workdir) / place).relative_to("/")
    for name in sources:
        source = ROOT / name
        to = target / source.name if place.endswith("/") else target
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to)


def attach(root: Path) -> None:
    """Give a root what a kernel gives: processes and devices."""
    run("mount", "-t", "proc", "proc", root / "proc")
    run("mount", "--rbind", "/dev", root / "dev")


def mirror() -> list[str]:
    """Return the address that this machine has its packages from, if it is told."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE) $(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    return [one for one in told if one.rstrip("/").endswith("/debian")][:1]


def run(*command: str | Path, log: Path | None = None) -> None:
    """Run a command; what it says is shown only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if log is not None:
        log.write_text(done.stdout)
    if done.returncode:
        raise SystemExit(f"image: {shlex.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")


class telling:  # noqa: N801  # used like a function
    """Says what is done, and how long it took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        say(f"{self._what} ({time.monotonic() - self._start:.1f} s)")


def say(what: str) -> None:
    """Say what was done."""
    print(f"image: {what}", flush=True)


def shown(text: str, most: int = 80) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= most else f"{text[:most]}..."


def main() -> None:
    """Build and start a target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="cpu")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "signpipe" / "roots"
    parser.add_argument("--cache", type=Path, default=cache, help="folder in which bare roots are kept")
    given = parser.parse_args()
    if os.geteuid() or shutil.which("debootstrap") is None:
        sys.exit("image: this needs root and debootstrap.")
    if INSIDE not in os.environ:
        own = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.environ[INSIDE] = "1"
        os.execvp("unshare", [*own, sys.executable, *sys.argv])
    stages = read_stages(DOCKERFILE.read_text())
    if given.target not in stages:
        sys.exit(f"image: the Dockerfile has no target {given.target}; it has {', '.join(stages)}.")
    with tempfile.TemporaryDirectory(prefix="signpipe-image-") as name:
        place = Path(name)
        run("mount", "-t", "tmpfs", "none", place)  # in memory: dpkg waits until each file is on the disk
        builder = Builder(stages, place, given.cache)
        for one in needed(stages, given.target):
            built = builder.build(one)
        start(built, place)
        run("umount", "--recursive", "--lazy", place)


if __name__ == "__main__":
    main()
