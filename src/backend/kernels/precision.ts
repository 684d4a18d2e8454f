/** Numbers of the C interface's `inseq_set_precision`. */

import type { Precision } from "../definition.ts";

export const precisionCodes: Readonly<Record<Precision, number>> = { float32: 0, high: 1, bfloat16: 2 };
