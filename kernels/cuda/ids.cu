// Checking ids where they are: on the device, without waiting. What is found is told by the next call that waits.

#include <map>
#include <mutex>

#include "launch.h"

namespace inseq {
namespace {

struct Fault {
  long long check;  // the number of the check that failed first; 0: none
  long long place, value;
};

struct Check {
  const char* op;
  int64_t N;
};

Fault* onDevice = nullptr;
Fault* onHost = nullptr;  // pinned
std::mutex lock;
long long checks = 0;
std::map<long long, Check> waiting;  // those of which nothing is known yet

/** One block: the first place with an id outside 0 … N − 1, unless an earlier check has failed. */
__global__ void findOutside(const int32_t* ids, int64_t M, int64_t N, long long check, Fault* fault) {
  if (fault->check != 0) return;
  long long place = M;
  for (int64_t m = threadIdx.x; m < M && place == M; m += blockDim.x)
    if (ids[m] < 0 || ids[m] >= N) place = m;
  SHARED(long long, first, [THREADS]);
  first[threadIdx.x] = place;
  for (int half = THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    const int i = threadIdx.x;
    if (i < half && first[i + half] < first[i]) first[i] = first[i + half];
  }
  if (threadIdx.x == 0 && first[0] < M) *fault = {check, first[0], ids[first[0]]};
}

}  // namespace

int openFaults() {
  if (onDevice != nullptr) return INSEQ_OK;
  void *memory = nullptr, *host = nullptr;
  TRY(checked("open", cudaMallocHost(&host, sizeof(Fault))));
  TRY(checked("open", cudaMalloc(&memory, sizeof(Fault))));
  if (void (*marked)(void*, int64_t, bool) = MEMORY_MARKED) marked(memory, sizeof(Fault), true);
  TRY(checked("open", cudaMemsetAsync(memory, 0, sizeof(Fault), device().stream)));
  onDevice = static_cast<Fault*>(memory);
  onHost = static_cast<Fault*>(host);
  return INSEQ_OK;
}

int checkIds(const char* op, const int32_t* ids, int64_t M, int64_t N) {
  if (M == 0) return INSEQ_OK;
  std::lock_guard<std::mutex> guard(lock);
  waiting[++checks] = {op, N};
  return launch(op, findOutside, 1, THREADS, 0, ids, M, N, checks, onDevice);
}

int foundFaults() {
  std::lock_guard<std::mutex> guard(lock);
  if (waiting.empty()) return INSEQ_OK;
  const cudaStream_t stream = device().stream;
  TRY(checked("synchronize", cudaMemcpyAsync(onHost, onDevice, sizeof(Fault), cudaMemcpyDeviceToHost, stream)));
  TRY(checked("synchronize", cudaStreamSynchronize(stream)));
  const Fault fault = *onHost;
  const Check check = fault.check != 0 ? waiting[fault.check] : Check{};
  waiting.clear();
  if (fault.check == 0) return INSEQ_OK;
  TRY(checked("synchronize", cudaMemsetAsync(onDevice, 0, sizeof(Fault), stream)));
  return fail(INSEQ_BAD_ARGUMENT, "%s: expected numbers from 0 to %lld, received %lld at place %lld", check.op,
              (long long)check.N - 1, fault.value, fault.place);
}

}  // namespace inseq
