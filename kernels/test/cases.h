// The files of the suite beside main.cc.

#pragma once

/** Allocator, limit, statistics and copies. */
void testMemory();
/** Path points, gradient times input, quadrature, 16-bit numbers, norms as reductions. */
void testAttribution();
/** Products with fewer bits. */
void testPrecision();
/** Linear layers of few and many rows: errors, extreme numbers, zero rows. */
void testProducts();
/** Linear layers and the activation behind them in one call, beside two. */
void testEpilogue();
/** Products with matrices in int8, int4 and bfloat16. */
void testCompact();
/** What must end in an error: tensors that are freed, foreign, misaligned or too short; a fork; sizes of zero must not.
 */
void testFaults();
