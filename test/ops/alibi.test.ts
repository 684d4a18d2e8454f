/** Slopes of ALiBi against those of the authors' code, and the bias that they make. */

import { beforeAll, expect, test } from "vitest";
import { alibi, alibiSlopes } from "../../src/ops/alibi.ts";
import { useCpu } from "../support/backend.ts";
import { floats, ids } from "../support/models.ts";

beforeAll(useCpu);

test("slopes of 2^k heads are a geometric series that ends at 2^−8", () => {
  expect(alibiSlopes(1)).toEqual([2 ** -8]);
  expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
  expect(alibiSlopes(16)[0]).toBeCloseTo(2 ** -0.5, 15);
});

test("slopes of other numbers of heads are every second one of the next power of two, then the others", () => {
  // The authors' code: the series for 4 heads, then the first, third, ... of the series for 8.
  expect(alibiSlopes(6)).toEqual([-2, -4, -6, -8, -1, -3].map((exponent) => 2 ** exponent));
  expect(alibiSlopes(3)).toEqual([2 ** -4, 2 ** -8, 2 ** -2]);
});

test("the bias is slope times position, for each row's own positions", () => {
  const bias = alibi(
    [0.5, 0.25],
    ids([
      [0, 1, 2],
      [0, 0, 1],
    ]),
  );
  expect(bias.shape).toEqual([2, 2, 1, 3]);
  expect([...floats(bias)]).toEqual([0, 0.5, 1, 0, 0.25, 0.5, 0, 0, 0.5, 0, 0, 0.25]);
});
