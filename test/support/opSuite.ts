/**
 * What holds for every differentiable operation, on every backend, for each of its cases in test/golden/ops.json:
 * result and gradients are PyTorch's, under a random cotangent; gradients are the finite differences of the result (not on an
 * emulated device, which takes a second for a case: results and gradients that are PyTorch's are those of each other);
 * the gradient functions of TensorFlow.js give the same; nothing but the results stays in memory.
 */

import { expect, it } from "vitest";
import { add, dispose, grads, memory, scalar, type Tensor, tensor, tensorflow, tidy } from "../../src/tensor.ts";
import { describeOnBackends, presentBackends } from "./backends.ts";
import { expectTensor, ROUNDING } from "./compare.ts";
import { callOp, casesOf, type Expected, makeInput, type OpCase, type OpName, type Tensors } from "./opCases.ts";

/** A few times what single precision costs PyTorch, and never less than a few roundings of the largest number. */
const TIMES_ERROR = 4;
const ROUNDINGS = 16;

/** A step along a random direction of signs: exact to add, and near the best for single precision. */
const STEP = 2 ** -7;
/**
 * Share of the gradient's length: the third derivative, with the square of the step, takes up to 2e-3. A factor of two or
 * a wrong sign is hundreds of times that. The rounding of the two results, over the step, is allowed on top.
 */
const DIFFERENCE_TOLERANCE = 3e-3;

export function opSuite(op: OpName): void {
  const cases = casesOf(op);
  if (cases.length === 0) throw new Error(`test/golden/ops.json has no case of ${op}`);
  describeOnBackends(
    op,
    (backend) => {
      it.each(cases)("gives PyTorch's result and gradients: $name", (opCase) => {
        withInputs(opCase, (inputs, dy) => {
          expectExpected(callOp(opCase, inputs), opCase.y, "result");
          const gradients = gradientsOf(opCase, inputs, dy);
          for (const [name, expected] of Object.entries(opCase.gradients)) {
            expectExpected(found(gradients, name), expected, `gradient of ${name}`);
          }
        });
      });

      const differentiable = cases.filter(({ noFiniteDifferences }) => noFiniteDifferences === undefined);
      it.each(backend === "cuda" && !presentBackends.includes("cuda") ? [] : differentiable)(
        "has gradients that are its finite differences: $name",
        (opCase) => {
          withInputs(opCase, (inputs, dy) => {
            const gradients = gradientsOf(opCase, inputs, dy);
            for (const name of Object.keys(opCase.gradients)) expectDifferences(opCase, name, inputs, dy, gradients);
          });
        },
      );

      it("has the same gradients by tf.grad, one input at a time", () => {
        for (const opCase of cases.slice(0, 3)) {
          withInputs(opCase, (inputs, dy) => {
            const gradients = gradientsOf(opCase, inputs, dy);
            for (const name of Object.keys(opCase.gradients)) {
              const alone = tensorflow.grad((x) => callOp(opCase, { ...inputs, [name]: x }))(found(inputs, name), dy);
              expectTensor(alone, numbers(found(gradients, name)), { ratio: 0 }, `tf.grad of ${name}`);
            }
          });
        }
      });

      it("keeps no tensor but its result and gradients", () => {
        for (const opCase of cases) {
          withInputs(opCase, (inputs, dy) => {
            const before = memory().numTensors;
            const y = callOp(opCase, inputs);
            const gradients = gradientsOf(opCase, inputs, dy);
            // Outside of a tidy, TensorFlow.js itself would keep the intermediate tensors of a forward pass.
            expect(memory().numTensors).toBe(before + 1 + Object.keys(gradients).length);
            dispose([y, ...Object.values(gradients)]);
            expect(memory().numTensors).toBe(before);
          });
        }
      });
    },
    { emulated: true },
  );
}

function withInputs(opCase: OpCase, check: (inputs: Tensors, dy: Tensor) => void): void {
  const before = memory().numTensors;
  const inputs = Object.fromEntries(Object.entries(opCase.inputs).map(([name, spec]) => [name, makeInput(spec)]));
  const dy = makeInput(opCase.dy);
  tidy(() => check(inputs, dy));
  dispose([dy, ...Object.values(inputs)]);
  expect(memory().numTensors, "tensors left behind").toBe(before);
}

function gradientsOf(opCase: OpCase, inputs: Tensors, dy: Tensor): Tensors {
  const names = Object.keys(opCase.gradients);
  const f = (...xs: Tensor[]) => callOp(opCase, { ...inputs, ...named(names, xs) });
  return named(
    names,
    grads(f)(
      names.map((name) => found(inputs, name)),
      dy,
    ),
  );
}

function expectExpected(received: Tensor, expected: Expected, what: string): void {
  const floor = TIMES_ERROR * expected.error;
  expectTensor(received, expected, { ratio: ROUNDINGS * ROUNDING, floor }, what);
}

/** ⟨gradient, v⟩ = (⟨dy, f(x + h v)⟩ − ⟨dy, f(x − h v)⟩) / 2h for two directions v of random signs. */
function expectDifferences(opCase: OpCase, name: string, inputs: Tensors, dy: Tensor, gradients: Tensors): void {
  const x = found(inputs, name);
  const gradient = [...found(gradients, name).dataSync()];
  const cotangent = dy.dataSync();
  const h = STEP * (opCase.inputs[name]?.scale ?? 1);
  const summands = [...callOp(opCase, inputs).dataSync()].map((y, i) => y * (cotangent[i] ?? NaN));
  const size = Math.sqrt(dot(summands, summands));
  for (const seed of [1, 2]) {
    const signs = randomSigns(x.size, seed);
    const at = (step: number) => {
      const moved = add(
        x,
        tensor(
          signs.map((sign) => sign * step),
          x.shape,
        ),
      );
      return dot(callOp(opCase, { ...inputs, [name]: moved }).dataSync(), cotangent);
    };
    const difference = (at(h) - at(-h)) / (2 * h);
    const length = Math.sqrt(dot(gradient, gradient));
    const rounding = (ROUNDINGS * ROUNDING * size) / h;
    const error = Math.abs(difference - dot(gradient, signs));
    expect(error, `${name}: ${difference} by differences`).toBeLessThanOrEqual(
      DIFFERENCE_TOLERANCE * length + rounding,
    );
  }
}

function randomSigns(length: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 31 === 0 ? 1 : -1;
  });
}

/** In double precision. */
function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);
}

const named = (names: readonly string[], xs: readonly Tensor[]): Tensors =>
  Object.fromEntries(names.map((name, i) => [name, xs[i] ?? scalar(NaN)]));

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });

function found(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`there is no tensor ${name}`);
  return tensor;
}
