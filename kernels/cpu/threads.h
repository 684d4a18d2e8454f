// A pool of threads that shares out the numbers 0 … n − 1.
//
// Which thread takes which number is left to chance, so a kernel must make each number's result independent of the others:
// then results are the same for any number of threads.

#pragma once

#include <cstdint>
#include <functional>

namespace inseq {

/** Runs work(i) for 0 ≤ i < n, in this thread and those of the pool; returns when all are done. */
void parallelFor(int64_t n, const std::function<void(int64_t)>& work);

/** The same over ranges of at least `grain` numbers: work(from, to). Cheap work stays in this thread. */
void parallelRanges(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& work);

int64_t threadCount();
void setThreadCount(int64_t count);

}  // namespace inseq
