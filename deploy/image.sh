#!/bin/sh
# The steps of the image, one a call: libraries | wheel SOURCE OUT | user | install WHEELS cpu|cuda
set -eu

ENVIRONMENT=${SIGNPIPE_ENVIRONMENT:-/opt/signpipe}

case ${1:-} in
libraries) # what opencv-python links to
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    libgl1 libxcb1 libglib2.0-0 libsm6 libxext6 libx11-6 libice6
  rm -rf /var/lib/apt/lists/*
  ;;
wheel)
  python3 -m pip wheel -q --no-cache-dir --no-deps --wheel-dir "$3" "$2"
  ;;
user) # a number, so that Kubernetes can tell that it isn't root
  groupadd --gid 10001 signpipe
  useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin signpipe
  install -d -o 10001 -g 10001 /data /etc/signpipe
  ;;
install)
  python3 -m venv "$ENVIRONMENT"
  "$ENVIRONMENT/bin/pip" install -q --no-cache-dir uv
  wheel=$(echo "$2"/signpipe-*.whl)
  # Compiled here: on a root file system that can't be written every start would compile it all again.
  put() { "$ENVIRONMENT/bin/uv" pip install -q --no-cache --compile-bytecode --python "$ENVIRONMENT/bin/python" "$@"; }
  if [ "$3" = cuda ]; then
    put "$wheel[serve,metrics,mqtt,cuda]"
  else
    # The GPU build of ONNX Runtime runs on a CPU too, but is ten times as large.
    overrides=$(mktemp)
    echo "onnxruntime-gpu; python_version < '3'" >"$overrides"
    put --override "$overrides" "$wheel[serve,metrics,mqtt]" "onnxruntime>=1.23"
    rm "$overrides"
  fi
  "$ENVIRONMENT/bin/uv" pip uninstall -q --python "$ENVIRONMENT/bin/python" uv
  "$ENVIRONMENT/bin/signpipe" --version
  ;;
*)
  echo "image.sh: libraries | wheel SOURCE OUT | user | install WHEELS cpu|cuda" >&2
  exit 2
  ;;
esac
