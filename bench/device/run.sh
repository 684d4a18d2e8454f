#!/usr/bin/env bash
# Builds the CUDA kernels with nvcc, tests them on the GPU, and measures: bash run.sh RESULT.json [--tiny]
# Every step is told on standard error, and a step that fails does not keep the others from running.
set -u
result=$(realpath -m "${1:?the file to write to}")
tiny=${2:-}
cd "$(dirname "$0")"
gunzip -kf node.gz && chmod +x node
export PATH="$PWD:$PATH"
say() { echo "run.sh: $* ($SECONDS s)" >&2; }

if [ -z "${INSEQ_CUDA_LIBRARY:-}" ]; then
  say "building"
  node --input-type=module -e '
    const { buildCuda, findNvcc } = await import(`${process.cwd()}/kernels/buildCuda.mjs`);
    const nvcc = await findNvcc();
    if (nvcc === undefined) throw new Error("expected nvcc on the path, in $NVCC or in $CUDA_HOME/bin");
    await buildCuda(nvcc);
    process.stderr.write(`${nvcc.version}\n`);' || exit 1
  export INSEQ_CUDA_LIBRARY="$PWD/kernels/build/libinseq_cuda.so"
fi

say "kernel tests"
mkdir -p kernels/build/testObjects
library=$(dirname "$INSEQ_CUDA_LIBRARY")
for source in kernels/test/*.cc; do
  g++ -std=c++17 -O1 -Ikernels/library -c "$source" -o "kernels/build/testObjects/$(basename "$source").o" &
done
wait
g++ kernels/build/testObjects/*.o -o kernels/build/test_device -pthread "$INSEQ_CUDA_LIBRARY" "-Wl,-rpath,$library" &&
  timeout 45 kernels/build/test_device > kernelTests.txt 2>&1
echo "exit status $?" >> kernelTests.txt
say "TensorFlow.js's op tests"
timeout 45 node program/dist/opTests.mjs cuda > opTests.json
say "attributions and measurements"
timeout 200 node program/dist/main.mjs "$result" $tiny
say "PyTorch"
timeout 90 python3 reference.py work "$result" $tiny
say "done"
