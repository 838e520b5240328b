#!/usr/bin/env bash
# Measures signpipe on a machine with an NVIDIA GPU: with CUDA and TensorRT, beside the CPU of the same machine.
#
#     benchmarks/gpu.sh                                     results into benchmarks/results/gpu/
#     benchmarks/gpu.sh out/gpu                             results into another folder
#     PROVIDERS=cpu FRAMES=20 benchmarks/gpu.sh out/dry     a dry run, where there is no GPU
#
# It needs an environment with  pip install 'signpipe[cuda,report]'  (and TensorRT's libraries for TensorRT: pip
# install tensorrt-cu13). On a GPU every model keeps its input and output buffers in the GPU's memory and binds them once
# (IO binding); the table `nodes` of each result, from ONNX Runtime's profile, proves which provider ran how many nodes.
# TensorRT builds its engines in the first run, which takes minutes; they are kept for the next one.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-benchmarks/results/gpu}
read -r -a providers <<< "${PROVIDERS:-cpu cuda tensorrt}"
frames=${FRAMES:-1000}
sweep_frames=${SWEEP_FRAMES:-$((frames < 200 ? frames : 200))}
signpipe=${SIGNPIPE:-.venv/bin/signpipe}
[ -x "$signpipe" ] || signpipe=$(command -v signpipe) || {
    echo "gpu.sh: there is no signpipe here: make setup, or name it in SIGNPIPE." >&2
    exit 2
}

mkdir -p "$folder"
"$signpipe" doctor --json > "$folder/doctor.json" || true
if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv | tee "$folder/gpu.csv"
fi

measured=()
for provider in "${providers[@]}"; do
    echo "== $provider"
    # The first run builds engines and picks kernels; it isn't measured.
    if ! "$signpipe" bench single --provider "$provider" --frames 5 > /dev/null; then
        echo "gpu.sh: $provider is left out; the line above says why." >&2
        continue
    fi
    "$signpipe" bench single live throughput --provider "$provider" --frames "$frames" \
        --json "$folder/$provider.json" --html "$folder/$provider.html"
    "$signpipe" bench sweep --over precision --over signs --over size --provider "$provider" --frames "$sweep_frames" \
        --json "$folder/$provider-sweeps.json" --html "$folder/$provider-sweeps.html"
    measured+=("$provider")
done

if [ "${#measured[@]}" -eq 0 ]; then
    echo "gpu.sh: none of the providers works here: ${providers[*]}." >&2
    exit 2
fi
for provider in "${measured[@]:1}"; do
    "$signpipe" bench compare "$folder/${measured[0]}.json" "$folder/$provider.json" | tee "$folder/$provider-against-${measured[0]}.txt"
done
echo "results are in $folder"
