import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { activate, activationNames, gatedUnit } from "../../src/ops/activation.ts";
import { add, mul, neg, ones, sub, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { casesOf, makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("activation");
opSuite("gatedUnit");

const seeds = fc.integer({ min: 0, max: 2 ** 16 });
const close = { ratio: 16 * ROUNDING };
const numbers = (x: ReturnType<typeof ones>) => ({ shape: x.shape, values: x.dataSync() });

describe("activationNames", () => {
  it("has a golden case for every name, in the activation and in the gated unit", () => {
    for (const op of ["activation", "gatedUnit"] as const) {
      const tested = new Set(casesOf(op).map(({ attrs }) => attrs.activation));
      expect([...tested].sort()).toEqual(Object.keys(activationNames).sort());
    }
  });
});

describeOnBackends("activations", () => {
  it.each(["gelu", "gelu_new", "silu", "quick_gelu"] as const)(
    "%s(x) − %s(−x) is x, as for every x times a symmetric share",
    (name) => {
      fc.assert(
        fc.property(seeds, fc.integer({ min: 1, max: 37 }), (seed, size) => {
          tidy(() => {
            const x = makeInput({ shape: [size], seed, scale: 4 });
            expectTensor(sub(activate(x, name), activate(neg(x), name)), numbers(x), close);
          });
        }),
      );
    },
  );

  it("sigmoid(x) + sigmoid(−x) is 1, and tanh and linear are odd", () => {
    tidy(() => {
      const x = makeInput({ shape: [3, 33], seed: 4, scale: 8 });
      const total = add(activate(x, "sigmoid"), activate(neg(x), "sigmoid"));
      expectTensor(total, numbers(ones([3, 33])), close);
      for (const name of ["tanh", "linear"] as const) {
        expectTensor(activate(neg(x), name), numbers(neg(activate(x, name))), close);
      }
    });
  });

  it("a gated unit is the activation times the other half", () => {
    tidy(() => {
      const [gate, up] = [makeInput({ shape: [2, 17], seed: 5 }), makeInput({ shape: [2, 17], seed: 6 })];
      expectTensor(gatedUnit(gate, up, "silu"), numbers(mul(activate(gate, "silu"), up)), { ratio: 0 });
    });
  });

  it("a gated unit refuses halves of different shapes, even those that would broadcast", () => {
    tidy(() => {
      expect(() => gatedUnit(ones([2, 3]), ones([1, 3]), "relu")).toThrow(
        new ShapeError("gatedUnit: expected two tensors of one shape, received [2, 3] and [1, 3]"),
      );
    });
  });
});
