// What activation.cu does for the kernels whose results it finishes.

#pragma once

#include <cstdint>

namespace inseq {

bool isActivation(int32_t activation);

/**
 * z = sums + bias, y = φ(z) with the activation φ: sums and y [M, O], bias [O] or null. y may be `sums`; where it is not,
 * `sums` gets z. Queued, like all else.
 */
int finishRows(const char* op, float* sums, const float* bias, int64_t M, int64_t O, int32_t activation, float* y);

}  // namespace inseq
