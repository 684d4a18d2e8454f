// How a kernel refuses: CHECK at the border of each C function, with the numbers; bodies contain only work.

#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>

#include "../include/inseq_kernels.h"

namespace inseq {

/** What messages add to say where the call was to run, such as " (cuda:0, NVIDIA H100)"; empty for the CPU. */
const char* whereText();

/** Stores a printf-formatted message and whereText() for inseq_message(), and returns `status`. */
int fail(int status, const char* format, ...) __attribute__((format(printf, 2, 3)));

/** No exception leaves the library: running out of memory becomes a status. The work may return a status of its own. */
template <typename Work>
int guarded(const char* op, Work work) {
  try {
    if constexpr (std::is_same_v<decltype(work()), int>) return work();
    work();
    return INSEQ_OK;
  } catch (const std::bad_alloc&) {
    return fail(INSEQ_OUT_OF_MEMORY, "%s: expected more host memory for its scratch space, received none", op);
  } catch (const std::exception& error) {
    return fail(INSEQ_BAD_ARGUMENT, "%s: %s", op, error.what());
  }
}

}  // namespace inseq

/** CHECK(condition, "op: expected ..., received ...", numbers) */
#define CHECK(condition, ...) \
  if (!(condition)) return inseq::fail(INSEQ_BAD_ARGUMENT, __VA_ARGS__)
