// The non-linearities of activation.cc as functions of runs of numbers, which other kernels finish their results with.

#pragma once

#include <cstdint>

#include "gemm.h"

namespace inseq {

bool isActivation(int32_t activation);

/** φ of an activation's number (INSEQ_LINEAR, …): wherever it is called, the same bits as inseq_activation gives. */
RowFunction activationFunction(int32_t activation);

}  // namespace inseq
