#!/usr/bin/env bash
# Builds the CUDA kernels with nvcc, tests them on the GPU, and measures: bash run.sh RESULT.json [--tiny]
# Every step is told on standard error and has a limit, eight minutes in all. One that fails does not keep the others from
# running; the exit status says whether any did.
set -u
result=$(realpath -m "${1:?the file to write to}")
tiny=${2:-}
cd "$(dirname "$0")" || exit 1
failed=0
say() { echo "run.sh: $* ($SECONDS s)" >&2; }
# step NAME SECONDS COMMAND…
step() {
  local name=$1 limit=$2 status
  shift 2
  say "$name"
  timeout "$limit" "$@"
  status=$?
  [ $status = 0 ] && return 0
  [ $status = 124 ] && say "$name took longer than $limit s" || say "$name failed with status $status"
  failed=1
  return $status
}

say "unpacking"
tar -xJf device.tar.xz || python3 -m tarfile -e device.tar.xz . || exit 1
if ./node --version > /dev/null; then
  export PATH="$PWD:$PATH"
else
  say "the Node that came along does not run here; taking the one on the path"
  rm node
  node --version || exit 1
fi

# PyTorch's cuBLAS, so that both multiply alike; without PyTorch ours looks for one itself.
cublas=$(python3 -c 'import glob, sys
wheels = ("nvidia/cu13/lib", "nvidia/cublas/lib")
print(*[f for p in sys.path for w in wheels for f in glob.glob(f"{p}/{w}/libcublas.so.1[123]")][:1])')
[ -n "$cublas" ] && export INSEQ_CUBLAS="${INSEQ_CUBLAS:-$cublas}"

if [ -z "${INSEQ_CUDA_LIBRARY:-}" ]; then
  export INSEQ_CUDA_LIBRARY="$PWD/kernels/build/libinseq_cuda.so"
  step "building" 100 node --input-type=module -e '
    const { buildCuda, findNvcc } = await import(`${process.cwd()}/kernels/buildCuda.mjs`);
    const nvcc = await findNvcc();
    if (nvcc === undefined) throw new Error("expected nvcc on the path, in $NVCC or in $CUDA_HOME/bin");
    process.stderr.write(`${nvcc.version}\n`);
    await buildCuda(nvcc);' || say "taking the library that came along, if one did"
fi

compile_tests() {
  mkdir -p kernels/build/tests
  export -f compile_test
  printf '%s\0' kernels/test/*.cc | xargs -0 -n 1 -P "$(nproc)" bash -c 'compile_test "$0"' &&
    g++ kernels/build/tests/*.o -o kernels/build/tests/run -pthread "$INSEQ_CUDA_LIBRARY" \
      "-Wl,-rpath,$(dirname "$INSEQ_CUDA_LIBRARY")"
}
compile_test() { g++ -std=c++17 -O1 -Ikernels/library -c "$1" -o "kernels/build/tests/$(basename "$1").o"; }
export -f compile_tests compile_test
step "compiling the kernels' tests" 40 bash -c compile_tests &&
  step "the kernels' tests" 40 bash -c 'kernels/build/tests/run > kernelTests.txt 2>&1; status=$?
    echo "exit status $status" >> kernelTests.txt; exit $status'
step "TensorFlow.js's op tests" 40 bash -c 'node program/dist/opTests.mjs cuda > opTests.json'
step "attributions and measurements" 180 node program/dist/main.mjs "$result" $tiny
step "PyTorch" 80 python3 reference.py work "$result" $tiny
say "done"
exit $failed
