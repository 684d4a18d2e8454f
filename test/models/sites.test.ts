/** The sites of every family: where they are, that reading changes nothing, and gradients there and at the embeddings. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../src/model/model.ts";
import type { Site, Sites } from "../../src/model/sites.ts";
import { add, grads, mul, scalar, sum, type Tensor, tensor, tidy, zerosLike } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import {
  type Family,
  families,
  floats,
  ids,
  logits,
  logitsTensor,
  mask,
  relativeDifference,
  smallModel,
  someIds,
} from "../support/models.ts";

beforeAll(useCpu);

const targetIds = [someIds(5, 3), someIds(5, 4)];
const sourceIds = [someIds(4, 1), someIds(4, 2)];
const masks = () => ({
  mask_BS: mask([
    [1, 1, 1, 1, 1],
    [0, 0, 1, 1, 1],
  ]),
  sourceMask_BS: mask([
    [1, 1, 1, 1],
    [1, 1, 1, 0],
  ]),
});

/** The two ways through attention round differently: some last bits of single precision. */
const ROUNDING = 2e-6;
/**
 * Central differences in single precision err by the square of the step (at 1e-2 the softmax of unscaled scores in T5 is
 * off by a fifth, at 1e-3 by a hundredth of that) and by rounding over the step, 1e-6 / 3e-4.
 */
const STEP = 3e-4;
const DIFFERENCES = 5e-3;

const B = 2;
const [T, S] = [5, 4];
const shapes: Record<
  Family,
  {
    layers: { encoder?: number; decoder: number };
    H: Record<string, number>;
    G: Record<string, number>;
    K: Record<string, number>;
  }
> = {
  gpt2: { layers: { decoder: 2 }, H: { decoder: 3 }, G: { decoder: 3 }, K: { decoder: 4 } },
  llama: { layers: { decoder: 2 }, H: { decoder: 4 }, G: { decoder: 2 }, K: { decoder: 6 } },
  marian: {
    layers: { encoder: 2, decoder: 1 },
    H: { encoder: 3, decoder: 2 },
    G: { encoder: 3, decoder: 2 },
    K: { encoder: 4, decoder: 6 },
  },
  t5: {
    layers: { encoder: 2, decoder: 1 },
    H: { encoder: 3, decoder: 3 },
    G: { encoder: 3, decoder: 3 },
    K: { encoder: 5, decoder: 5 },
  },
};

const nameOf = ({ stack, layer, attention, name }: Site): string => `${stack}.${layer}.${attention}.${name}`;

/** All sites in the order of the pass, with the shapes that they must have. */
function expectedSites(family: Family): [string, number[]][] {
  const { layers, H, G, K } = shapes[family];
  const attention = (stack: string, kind: string, at: string, queries: number, keys: number): [string, number[]][] => [
    [`${at}.${kind}.value`, [B, G[stack] ?? 0, keys, K[stack] ?? 0]],
    [`${at}.${kind}.attentionProbabilities`, [B, H[stack] ?? 0, queries, keys]],
    [`${at}.${kind}.headOutput`, [B, H[stack] ?? 0, queries, K[stack] ?? 0]],
    [`${at}.${kind}.attentionOutput`, [B, queries, 12]],
  ];
  const block = (stack: string, layer: number): [string, number[]][] => {
    const [at, queries] = [`${stack}.${layer}`, stack === "encoder" ? S : T];
    const cross = stack === "decoder" && layers.encoder !== undefined;
    return [
      [`${at}.self.blockInput`, [B, queries, 12]],
      ...attention(stack, "self", at, queries, queries),
      ...(cross ? attention(stack, "cross", at, queries, S) : []),
      [`${at}.self.mlpOutput`, [B, queries, 12]],
      [`${at}.self.blockOutput`, [B, queries, 12]],
    ];
  };
  return (["encoder", "decoder"] as const).flatMap((stack) =>
    Array.from({ length: layers[stack] ?? 0 }, (_, layer) => block(stack, layer)).flat(),
  );
}

describe.each(families)("%s", (family) => {
  let model: Model;
  beforeAll(() => {
    model = smallModel(family);
  });

  test("visits every site once, in order, with the documented shape", () => {
    const seen: [string, number[]][] = [];
    const visit = (site: Site, activation: Tensor) => {
      seen.push([nameOf(site), activation.shape]);
      return activation;
    };
    logits(model, { targetIds, sourceIds, sites: { wants: () => true, visit } });
    expect(seen).toEqual(expectedSites(family));
  });

  test("visits only what somebody wants", () => {
    const seen: string[] = [];
    const wants = ({ name, layer }: Site) => name === "mlpOutput" && layer === 0;
    const visit = (site: Site, activation: Tensor) => {
      seen.push(site.name);
      return activation;
    };
    logits(model, { targetIds, sourceIds, sites: { wants, visit } });
    expect(seen).toEqual(shapes[family].layers.encoder === undefined ? ["mlpOutput"] : ["mlpOutput", "mlpOutput"]);
  });

  test("gives the same logits when every activation is replaced by itself", () => {
    const pass = { targetIds, sourceIds, ...masks() };
    const sites: Sites = { wants: () => true, visit: (_site, activation) => mul(activation, scalar(1)) };
    expect(relativeDifference(logits(model, { ...pass, sites }), logits(model, pass))).toBeLessThan(ROUNDING);
  });

  test("uses what is put at each site", () => {
    const pass = { targetIds, sourceIds };
    const plain = logits(model, pass);
    for (const [name] of expectedSites(family)) {
      const visit = (_site: Site, x: Tensor) => add(x, randomLike(x, 3));
      const changed = logits(model, { ...pass, sites: { wants: (site) => nameOf(site) === name, visit } });
      expect(relativeDifference(changed, plain), name).toBeGreaterThan(1e-3);
    }
  });

  test("has attention probabilities whose rows sum to 1 over what may be seen", () => {
    const sums: number[] = [];
    const hidden: number[] = [];
    const given = masks();
    const sites: Sites = {
      wants: ({ name }) => name === "attentionProbabilities",
      visit: (site, P) => {
        const [, H = 0, queries = 0, keys = 0] = P.shape;
        const values = P.dataSync();
        const shown = (
          site.stack === "encoder" || site.attention === "cross" ? given.sourceMask_BS : given.mask_BS
        ).dataSync();
        const causal = site.stack === "decoder" && site.attention === "self";
        for (let row = 0; row < B * H * queries; row++) {
          const b = Math.floor(row / (H * queries));
          const t = row % queries;
          // A query on padding may see nothing at all; its row is a mean.
          if (causal && shown[b * keys + t] === 0) continue;
          let total = 0;
          for (let s = 0; s < keys; s++) {
            const p = values[row * keys + s] ?? Number.NaN;
            total += p;
            if (shown[b * keys + s] === 0 || (causal && s > t)) hidden.push(p);
          }
          sums.push(total);
        }
        return P;
      },
    };
    logits(model, { targetIds, sourceIds, ...given, sites });
    expect(sums.length).toBeGreaterThan(0);
    for (const total of sums) expect(total).toBeCloseTo(1, 5);
    expect(hidden.length).toBeGreaterThan(0);
    expect(hidden.every((p) => p === 0)).toBe(true);
  });

  test("has the gradient at its embeddings that finite differences give", () => {
    const embedded: Tensor[] =
      model.kind === "decoder-only"
        ? [model.embed(ids(targetIds))]
        : [model.embedTarget(ids(targetIds)), model.embedSource(ids(sourceIds))];
    const { mask_BS, sourceMask_BS } = masks();
    const f = (target: Tensor, source?: Tensor): Tensor => {
      if (model.kind === "decoder-only") return model.forward({ embeddings_BTD: target, mask_BS });
      const states = model.encode({ embeddings_BSD: source ?? target, mask_BS: sourceMask_BS });
      return model.decode({ embeddings_BTD: target, mask_BS }, states);
    };
    expectGradients((...xs) => f(xs[0] as Tensor, xs[1]), embedded);
  });

  test("has the gradient at every site that finite differences give", () => {
    for (const [name, shape] of expectedSites(family)) {
      const f = (change?: Tensor): Tensor => {
        const sites: Sites = {
          wants: (site) => nameOf(site) === name,
          visit: (_site, activation) => add(activation, change ?? zerosLike(activation)),
        };
        return logitsTensor(model, { targetIds, sourceIds, sites });
      };
      expectGradients((change) => f(change), [tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape)], name);
    }
  });
});

/** Compares gradients, contracted with a random cotangent, to central differences along random directions. */
function expectGradients(f: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[], what = ""): void {
  const cotangent = randomLike(
    tidy(() => f(...xs)),
    1,
  );
  const gradients = tidy(() => grads(f)(xs, cotangent));
  for (const [i, x] of xs.entries()) {
    for (const seed of [10, 20]) {
      const direction = randomLike(x, seed + i);
      const along = (step: number) =>
        floats(tidy(() => f(...xs.map((other, j) => (i === j ? add(x, mul(direction, scalar(step))) : other)))));
      const weights = cotangent.dataSync();
      const [ahead, behind] = [along(STEP), along(-STEP)];
      let difference = 0;
      for (const [k, value] of ahead.entries()) difference += (weights[k] ?? 0) * (value - (behind[k] ?? 0));
      const numeric = difference / (2 * STEP);
      const exact = floats(tidy(() => sum(mul(gradients[i] as Tensor, direction))))[0] ?? Number.NaN;
      const size = Math.sqrt(floats(tidy(() => sum(mul(gradients[i] as Tensor, gradients[i] as Tensor))))[0] ?? 0);
      expect(size, `${what}: the gradient vanishes`).toBeGreaterThan(1e-6);
      expect(Math.abs(numeric - exact), what).toBeLessThan(DIFFERENCES * (Math.abs(exact) + size));
    }
  }
}

/** Numbers in [−1, 1) by a linear congruential generator. */
function randomLike(x: Tensor, seed: number): Tensor {
  let state = (seed * 2654435761) >>> 0;
  const values = Float32Array.from({ length: x.size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return tensor(values, x.shape);
}
