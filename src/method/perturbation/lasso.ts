/**
 * The lasso (Tibshirani 1996) with an intercept that is not penalised, in float64:
 *
 *   min over b, c of Σ_k (y_k − c − Σ_p b_p z_kp)² / 2K + α Σ_p |b_p|,
 *
 * by cyclic coordinate descent (Friedman, Hastie and Tibshirani 2010, doi 10.18637/jss.v033.i01): with the other coefficients
 * fixed, b_p = soft(z_p·r / K, α) / (z_p·z_p / K), r being what they leave of y.
 */

/** A sweep that moves no prediction by more than this share of the largest response ends the descent. */
const TOLERANCE = 1e-12;
const MOST_SWEEPS = 100_000;

/** Coefficients b of the rows z [K][P] and responses y [K]; columns without any variation get 0. */
export function lasso(
  z: readonly ArrayLike<number>[],
  y: readonly number[],
  alpha: number,
): { coefficients: Float64Array; intercept: number } {
  const K = z.length;
  const P = z[0]?.length ?? 0;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / K;
  const columns = Array.from({ length: P }, (_, p) => {
    const values = z.map((row) => row[p] ?? 0);
    const middle = mean(values);
    return { middle, values: values.map((value) => value - middle) };
  });
  const norms = columns.map(({ values }) => mean(values.map((value) => value ** 2)));
  const middle = mean(y);
  const rest = Float64Array.from(y, (value) => value - middle);
  const largest = rest.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const coefficients = new Float64Array(P);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let moved = 0;
    for (const [p, { values }] of columns.entries()) {
      const norm = norms[p] ?? 0;
      if (norm === 0) continue;
      const before = coefficients[p] ?? 0;
      let product = 0;
      for (const [k, value] of values.entries()) product += value * (rest[k] ?? 0);
      const after = soft(product / K + norm * before, alpha) / norm;
      if (after === before) continue;
      coefficients[p] = after;
      for (const [k, value] of values.entries()) rest[k] = (rest[k] ?? 0) - (after - before) * value;
      moved = Math.max(moved, Math.abs(after - before) * Math.sqrt(norm));
    }
    if (moved <= TOLERANCE * largest) break;
  }
  const shift = columns.reduce((sum, column, p) => sum + column.middle * (coefficients[p] ?? 0), 0);
  return { coefficients, intercept: middle - shift };
}

/** x moved towards 0 by α, and not beyond. */
const soft = (x: number, alpha: number): number => Math.sign(x) * Math.max(0, Math.abs(x) - alpha);
