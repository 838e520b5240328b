#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment outside the checkout, and uses it there as a stranger would:
# nothing of the checkout is in reach, so what the package needs at run time must be inside it.
# wheel_test.sh [PYTHON]: the Python to build with, .venv/bin/python if not given.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
python=$(realpath -s "${1:-$checkout/.venv/bin/python}")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

step() { printf '%s\n' "wheel: $*"; }
cd "$place"
unset PYTHONPATH VIRTUAL_ENV SIGNPIPE_DATA

if "$python" -m pip --version >/dev/null 2>&1; then
  build() { "$python" -m pip wheel -q --disable-pip-version-check --no-deps --wheel-dir wheels "$checkout"; }
  install() { "$python" -m venv empty && empty/bin/python -m pip install -q --disable-pip-version-check "$@"; }
else
  build() { uv build -q --wheel --python "$python" --out-dir wheels "$checkout"; }
  install() { uv venv -q --python "$python" empty && uv pip install -q --python empty/bin/python "$@"; }
fi
step "building"
build
step "installing $(basename wheels/*.whl) into an empty environment"
install "$(echo "$place"/wheels/*.whl)[report]"
PATH="$place/empty/bin:$PATH"

home=$(python -c 'import signpipe; print(signpipe.__file__)')
[[ $home == "$place"/empty/* ]] || { step "signpipe came from $home"; exit 1; }

step "doctor, models"
signpipe doctor
signpipe models
step "the sample drive"
samples=$(python -c 'from signpipe.shipped import shipped; print(shipped("samples"))')
signpipe run "$samples/drive.mp4" --frames 100 --map "$samples/drive.geojson" --gpx "$samples/drive.gpx" --out drive --review drive/review
grep -q '"message":"limit 80"' drive/events.jsonl
for file in annotated.mp4 detections.jsonl events.jsonl; do [ -s "drive/$file" ]; done
step "bench"
signpipe bench single --frames 20 --json bench.json
step "explain"
signpipe explain "$samples/drive.mp4" --track 1 --out why.html
step "the quality report"
(cd "$checkout" && "$python" -c "
from pathlib import Path
from signpipe.lab.evaluation.sample import sample_scenes
from tests.lab.evaluation.drawn import yolo_of
yolo_of(sample_scenes(2), Path('$place/scenes'))")
signpipe evaluate report --data scenes --crops-format yolo --scenes-format yolo --crops 1 --scenes 1 --split val \
  --examples drawings --out quality || [ $? = 1 ]
[ -s quality/quality.html ]
step "all of it works outside the checkout"
