// How a kernel refuses: CHECK at the border of each C function, with the numbers; bodies contain only work.

#pragma once

#include <cstdint>
#include <functional>
#include <new>

#include "../include/inseq_kernels.h"

namespace inseq {

/** Stores a printf-formatted message for inseq_message() and returns `status`. */
int fail(int status, const char* format, ...) __attribute__((format(printf, 2, 3)));

/** No exception leaves the library: running out of memory becomes a status. */
template <typename Work>
int guarded(const char* op, Work work) {
  try {
    work();
    return INSEQ_OK;
  } catch (const std::bad_alloc&) {
    return fail(INSEQ_OUT_OF_MEMORY, "%s: expected more memory for its scratch space on the cpu, received none", op);
  } catch (const std::exception& error) {
    return fail(INSEQ_BAD_ARGUMENT, "%s: %s", op, error.what());
  }
}

}  // namespace inseq

/** CHECK(condition, "op: expected ..., received ...", numbers) */
#define CHECK(condition, ...) \
  if (!(condition)) return inseq::fail(INSEQ_BAD_ARGUMENT, __VA_ARGS__)
