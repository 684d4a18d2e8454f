// Moving numbers without computing: transposing, copying rows between layouts, repeating.

#include <algorithm>

#include "status.h"
#include "threads.h"

namespace {

constexpr int MAX_RANK = 6;
constexpr int64_t GRAIN = 32768;  // numbers worth a thread

}  // namespace

extern "C" {

int inseq_transpose(const float* x, int64_t rank, const int64_t* sizes, const int64_t* permutation, float* y) {
  CHECK(rank >= 1 && rank <= MAX_RANK, "transpose: expected a rank from 1 to %d, received %lld", MAX_RANK,
        (long long)rank);
  bool seen[MAX_RANK] = {};
  int64_t strides[MAX_RANK], size[MAX_RANK], stride[MAX_RANK], total = 1;
  for (int64_t i = rank - 1; i >= 0; i--) {
    strides[i] = total;
    total *= sizes[i];
  }
  for (int64_t i = 0; i < rank; i++) {
    const int64_t axis = permutation[i];
    CHECK(axis >= 0 && axis < rank && !seen[axis], "transpose: expected a permutation of %lld axes, received axis %lld",
          (long long)rank, (long long)axis);
    seen[axis] = true;
    size[i] = sizes[axis];
    stride[i] = strides[axis];
  }
  if (total == 0) return INSEQ_OK;
  const int64_t width = size[rank - 1], step = stride[rank - 1];
  return inseq::guarded("transpose", [&] {
    inseq::parallelRanges(total / width, GRAIN / width + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        int64_t rest = r, offset = 0;
        for (int64_t i = rank - 2; i >= 0; i--) {
          offset += rest % size[i] * stride[i];
          rest /= size[i];
        }
        float* out = y + r * width;
        if (step == 1) {
          std::copy_n(x + offset, width, out);
        } else {
          for (int64_t i = 0; i < width; i++) out[i] = x[offset + i * step];
        }
      }
    });
  });
}

int inseq_copy_rows(const float* x, int64_t rows, int64_t width, int64_t x_stride, int64_t y_stride, float* y) {
  CHECK(rows >= 0 && width >= 0, "copyRows: expected sizes that are not negative, received rows=%lld, width=%lld",
        (long long)rows, (long long)width);
  return inseq::guarded("copyRows", [&] {
    inseq::parallelRanges(rows, GRAIN / (width + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) std::copy_n(x + r * x_stride, width, y + r * y_stride);
    });
  });
}

int inseq_repeat(const float* x, int64_t blocks, int64_t times, int64_t block, float* y) {
  CHECK(blocks >= 0 && times >= 0 && block >= 0,
        "repeat: expected sizes that are not negative, received blocks=%lld, times=%lld, block=%lld", (long long)blocks,
        (long long)times, (long long)block);
  return inseq::guarded("repeat", [&] {
    inseq::parallelRanges(blocks * times, GRAIN / (block + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) std::copy_n(x + i / times * block, block, y + i * block);
    });
  });
}
}
