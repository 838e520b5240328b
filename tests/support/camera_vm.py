"""A real camera device and a CAN bus without hardware: Debian's kernel, `vivid` and `vcan` in a small virtual machine.

The machine sees the host's files read-only, so the very package under test runs inside, against /dev/video0.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).parents[2]
_TIMEOUT = 280.0  # software emulation on a busy machine
_FILES = ("9p", "9pnet_virtio", "virtio_pci")  # modules needed before the host's files are there

_INIT = """#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
/bin/busybox mkdir -p /proc /sys /host
/bin/busybox mount -t proc proc /proc
for module in {modules}; do /bin/busybox insmod /$module; done
options=trans=virtio,version=9p2000.L,msize=524288,cache=loose
/bin/busybox mount -t 9p -o ro,$options host /host
/bin/busybox mount -t proc proc /host/proc
/bin/busybox mount -t sysfs sysfs /host/sys
/bin/busybox mount -t devtmpfs devtmpfs /host/dev
/bin/busybox mount -t 9p -o $options out /host/mnt
/bin/busybox chroot /host modprobe vivid n_devs=1 input_types=0x0 num_inputs=1 node_types=0x1
/bin/busybox chroot /host modprobe -a can_raw vcan
/bin/busybox ip link add dev vcan0 type vcan
/bin/busybox ip link set vcan0 up
/bin/busybox chroot /host env HOME=/mnt TMPDIR=/mnt PYDANTIC_DISABLE_PLUGINS=__all__ PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONPATH={repository} {python} {script} /mnt/facts.json > /host/mnt/log 2>&1
/bin/busybox sync
/bin/busybox poweroff -f
"""


@functools.cache
def why_absent() -> str:
    """Say what keeps the machine from running here, or nothing."""
    missing = [name for name in ("qemu-system-x86_64", "busybox", "cpio", "modprobe") if not shutil.which(name)]
    if missing:
        return f"missing: {', '.join(missing)}"
    if os.geteuid():
        return "only root may read every file that the machine needs"
    return "" if _kernel() else "there is no kernel in /boot with its modules in /lib/modules"


def _kernel() -> tuple[Path, Path] | None:
    """Return the newest kernel that has the `vivid` module, and the folder of its modules."""
    for image in sorted(Path("/boot").glob("vmlinuz-*"), reverse=True):
        modules = Path("/lib/modules") / image.name.removeprefix("vmlinuz-")
        if (modules / "modules.dep").exists() and any(modules.glob("kernel/drivers/media/test-drivers/vivid/*")):
            return image, modules
    return None


def _modules_in_order(modules: Path) -> list[Path]:
    """Return the files of the first modules, each after what it depends on."""
    needs = dict(line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines())
    by_name = {Path(file).name.split(".")[0]: file for file in needs}
    ordered: dict[str, None] = {}

    def add(file: str) -> None:
        for other in needs[file].split():
            add(other)
        ordered[file] = None

    for name in _FILES:
        add(by_name[name])
    return [modules / file for file in ordered]


def _initial_files(folder: Path, modules: Path, script: Path) -> Path:
    """Pack busybox, the first modules and the script that starts everything."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
    files = _modules_in_order(modules)
    for file in files:
        shutil.copy(file, root)
    names = " ".join(file.name for file in files)
    init = root / "init"
    init.write_text(_INIT.format(modules=names, repository=_REPOSITORY, python=sys.executable, script=script))
    init.chmod(0o755)
    listing = "\n".join(str(path.relative_to(root)) for path in [root, *root.rglob("*")])
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet"],
        input=listing.encode(),
        cwd=root,
        capture_output=True,
        check=True,
    )
    archive = folder / "initial.gz"
    archive.write_bytes(gzip.compress(packed.stdout, 1))
    return archive


def run_in_vm(script: Path, folder: Path, timeout: float = _TIMEOUT) -> Any:
    """Run a Python script beside a camera device and a CAN bus and return what it wrote as JSON.

    Args:
        script: Gets the path of the JSON file to write as its argument.
        folder: Empty folder for the machine's files.
        timeout: Seconds after which the machine is stopped.
    """
    kernel = _kernel()
    assert kernel is not None
    image, modules = kernel
    out = folder / "out"
    out.mkdir()
    # One plain emulated core is the fastest: KVM is often there in name only, and a second core or AVX costs.
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "Nehalem-v1", "-m", "1024"]
    command += ["-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", str(image), "-initrd", str(_initial_files(folder, modules, script))]
    command += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]
    for tag, path, extra in (("host", "/", ",readonly=on"), ("out", out, "")):
        command += ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap{extra}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    facts, log = out / "facts.json", out / "log"
    assert facts.exists(), f"{log.read_text() if log.exists() else ''}\n{done.stdout}\n{done.stderr}"
    return json.loads(facts.read_text())
