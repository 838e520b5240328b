#!/usr/bin/env bash
# Makes an environment with signpipe and what it needs: setup.sh [EXTRA,...] [FOLDER]; the folder is .venv if not given.
# Uses uv where it is installed, else venv and pip.
# Where the system lacks a library that opencv-python needs, it installs it (as root on Debian or Ubuntu) or prints the command.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:+[$1]}
environment=${2:-.venv}

say() { printf '%s\n' "signpipe setup: $*"; }
fail() { say "$*" >&2; exit 1; }
as_root() { [ "$(id -u)" = 0 ]; }

# Installs Debian packages as root; otherwise prints the command that does and gives up.
need_packages() {
  if command -v apt-get >/dev/null && as_root; then
    say "installing the system packages $*"
    DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 ||
      fail "apt-get couldn't install $*; run it by hand to see why"
  elif command -v apt-get >/dev/null; then
    fail "system packages are missing; run  sudo apt-get update && sudo apt-get install -y $*  and start again"
  else
    fail "system libraries are missing; install what your system calls the Debian packages: $*"
  fi
}

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

make_environment() {
  if command -v uv >/dev/null; then
    [ -x "$environment/bin/python" ] || uv venv -q --python '>=3.11,<3.14' "$environment"
    say "installing into $environment (uv)"
    uv pip install -q --python "$environment/bin/python" -e ".$extras"
    return
  fi
  python=$(find_python)
  [ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed and wasn't found; install it or set PYTHON=/path/to/python"
  if ! "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
    "$python" -m venv --clear "$environment"
  fi
  say "installing into $environment (pip); the first time takes minutes"
  "$environment/bin/python" -m pip install -q --disable-pip-version-check -e ".$extras"
}

# opencv-python and PyAV link to libraries that a minimal system lacks; only an import tells.
check_libraries() {
  if ! error=$("$environment/bin/python" -c 'import cv2' 2>&1); then
    case $error in
      *"cannot open shared object"*)
        need_packages libgl1 libxcb1 libglib2.0-0 libsm6 libxext6 libx11-6 libice6
        error=$("$environment/bin/python" -c 'import cv2' 2>&1) || fail "opencv-python still can't be imported: ${error##*$'\n'}"
        ;;
      *) fail "opencv-python can't be imported: ${error##*$'\n'}" ;;
    esac
  fi
}

make_environment
check_libraries
say "ready"
