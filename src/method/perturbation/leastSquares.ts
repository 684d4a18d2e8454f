/**
 * Weighted ridge regression with an intercept that is not penalised, in float64:
 *
 *   min over b, c of Σ_k w_k (y_k − c − Σ_p b_p z_kp)² + α Σ_p b_p²,
 *
 * by Cholesky's factorisation of the normal equations of the centred problem.
 */

/** Coefficients b of the rows z [K][P], responses y [K] and weights w ≥ 0 [K], of which one is positive. */
export function ridge(
  z: readonly (readonly number[])[],
  y: readonly number[],
  w: readonly number[],
  alpha: number,
): { coefficients: Float64Array; intercept: number } {
  const P = z[0]?.length ?? 0;
  const total = w.reduce((sum, weight) => sum + weight, 0);
  const mean = (column: (k: number) => number): number =>
    w.reduce((sum, weight, k) => sum + weight * column(k), 0) / total;
  const yMean = mean((k) => y[k] ?? 0);
  const zMeans = Float64Array.from({ length: P }, (_, p) => mean((k) => z[k]?.[p] ?? 0));
  const centred = z.map((row) => Float64Array.from(row, (value, p) => value - (zMeans[p] ?? 0)));
  const coefficients = leastSquares(
    centred,
    y.map((value) => value - yMean),
    w,
    alpha,
  );
  return { coefficients, intercept: yMean - dot(zMeans, coefficients) };
}

/**
 * Coefficients of the same problem without an intercept. Directions that no row tells anything about get 0 (a pivot below
 * rounding is passed over).
 */
export function leastSquares(
  z: readonly ArrayLike<number>[],
  y: readonly number[],
  w: readonly number[],
  alpha: number,
): Float64Array {
  const P = z[0]?.length ?? 0;
  const gram = Array.from({ length: P }, () => new Float64Array(P));
  const right = new Float64Array(P);
  for (const [k, row] of z.entries()) {
    const weight = w[k] ?? 0;
    for (let p = 0; p < P; p++) {
      const scaled = weight * (row[p] ?? 0);
      if (scaled === 0) continue;
      right[p] = (right[p] ?? 0) + scaled * (y[k] ?? 0);
      const line = gram[p] as Float64Array;
      for (let q = 0; q <= p; q++) line[q] = (line[q] ?? 0) + scaled * (row[q] ?? 0);
    }
  }
  for (let p = 0; p < P; p++) (gram[p] as Float64Array)[p] = (gram[p]?.[p] ?? 0) + alpha;
  return solvePositive(gram, right);
}

/** x with A x = b for a symmetric A ≥ 0 of which the lower half is given, and is overwritten: A = L Lᵀ. */
function solvePositive(a: Float64Array[], b: Float64Array): Float64Array {
  const P = b.length;
  const at = (p: number, q: number): number => a[p]?.[q] ?? 0;
  const least = 1e-12 * Math.max(...a.map((_, p) => at(p, p)), Number.MIN_VALUE);
  const x = b.slice();
  for (let p = 0; p < P; p++) {
    const row = a[p] as Float64Array;
    for (let q = 0; q <= p; q++) {
      let rest = at(p, q);
      for (let r = 0; r < q; r++) rest -= at(p, r) * at(q, r);
      if (q === p) row[p] = rest > least ? Math.sqrt(rest) : 0;
      else row[q] = at(q, q) === 0 ? 0 : rest / at(q, q);
    }
    let right = x[p] ?? 0;
    for (let q = 0; q < p; q++) right -= at(p, q) * (x[q] ?? 0);
    x[p] = at(p, p) === 0 ? 0 : right / at(p, p);
  }
  for (let p = P - 1; p >= 0; p--) {
    let right = x[p] ?? 0;
    for (let q = p + 1; q < P; q++) right -= at(q, p) * (x[q] ?? 0);
    x[p] = at(p, p) === 0 ? 0 : right / at(p, p);
  }
  return x;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}
