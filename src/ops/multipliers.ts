/**
 * Multipliers: what gradients are for one point, for two of them (Shrikumar, Greenside and Kundaje 2017, arXiv 1704.02685).
 *
 *   Σ m ⊙ (x − x') = f(x) − f(x')
 *
 * The function is run at both points, and multipliers go backwards over the two tapes together: through each operation by
 * a rule that sees its inputs and outputs at both (`rescale.ts`). Every rule adds up in this way for its own operation, and
 * the chain rule for multipliers, m_x = Σ_y m_{x→y} m_y, then makes the whole add up.
 */

import { UnsupportedError } from "../errors.ts";
import { add, onesLike, type Tensor, tidy, zerosLike } from "../tensor.ts";
import { type Entry, record } from "./tape.ts";

/** An operation at the point x and at the point x'. */
export interface Both {
  readonly here: Entry;
  readonly there: Entry;
  /** Multipliers of the outputs; null where an output has none. */
  readonly dys: readonly (Tensor | null)[];
}

/** Multipliers of an operation's inputs by their names, made when called. */
export type MultiplierRule = (both: Both) => Readonly<Record<string, () => Tensor>>;

/**
 * The multipliers of f(x) = Σ of its entries, between two points.
 * @param ruleOf the rule of a kernel; undefined where there is none
 * @returns for each of xs a tensor of its shape
 * @throws UnsupportedError for an operation without a rule, and where f takes different ways at the two points
 */
export function multipliers(
  f: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  baselines: readonly Tensor[],
  ruleOf: (kernelName: string) => MultiplierRule | undefined,
): Tensor[] {
  return tidy(() => {
    const there = record(() => f(...baselines));
    try {
      const here = record(() => f(...xs));
      try {
        checkSameWay(here.entries, there.entries);
        return walk(here.y, xs, here.entries, there.entries, ruleOf);
      } finally {
        here.release();
      }
    } finally {
      there.release();
    }
  });
}

function checkSameWay(here: readonly Entry[], there: readonly Entry[]): void {
  const other = here.findIndex(({ kernelName }, i) => kernelName !== there[i]?.kernelName);
  if (other < 0 && here.length === there.length) return;
  throw new UnsupportedError(
    "multipliers: expected the model to take the same way for the input and for the baseline, it takes different ones " +
      "(a mixture of experts does); take a method that needs gradients only",
  );
}

function walk(
  y: Tensor,
  xs: readonly Tensor[],
  here: readonly Entry[],
  there: readonly Entry[],
  ruleOf: (kernelName: string) => MultiplierRule | undefined,
): Tensor[] {
  const fromInputs = dependents(xs, here);
  const found = new Map<number, Tensor>([[y.id, onesLike(y)]]);
  for (let i = here.length - 1; i >= 0; i--) {
    const [entry, baseline] = [here[i] as Entry, there[i] as Entry];
    const dys = entry.outputs.map(({ id }) => found.get(id) ?? null);
    if (dys.every((dy) => dy === null)) continue;
    const wanted = Object.entries(entry.inputs).filter(([, input]) => fromInputs.has(input.id));
    if (wanted.length === 0) continue;
    const rule = ruleOf(entry.kernelName);
    if (rule === undefined) {
      throw new UnsupportedError(
        `multipliers: there is no rule for the operation ${entry.kernelName} of this model; ` +
          "take a method that needs gradients only",
      );
    }
    const parts = rule({ here: entry, there: baseline, dys });
    for (const [name, input] of wanted) {
      const part = parts[name];
      if (part === undefined) continue;
      const before = found.get(input.id);
      found.set(input.id, before === undefined ? part() : add(before, part()));
    }
  }
  return xs.map((x) => found.get(x.id) ?? zerosLike(x));
}

/** Ids of the tensors that depend on one of xs, themselves included. */
function dependents(xs: readonly Tensor[], entries: readonly Entry[]): ReadonlySet<number> {
  const ids = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of entries) {
    if (Object.values(inputs).some(({ id }) => ids.has(id))) for (const { id } of outputs) ids.add(id);
  }
  return ids;
}
