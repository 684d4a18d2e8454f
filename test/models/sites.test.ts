/** The sites of every golden model: where they are, that reading changes nothing, and gradients there and at the embeddings. */

import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../../src/backend/backend.ts";
import type { Model } from "../../src/model/model.ts";
import type { Site, Sites } from "../../src/model/sites.ts";
import { add, grads, mul, scalar, sum, type Tensor, tensor, tidy, zerosLike } from "../../src/tensor.ts";
import { architectures } from "../support/goldenResults.ts";
import {
  floats,
  ids,
  logits,
  logitsTensor,
  mask,
  relativeDifference,
  smoothGoldenModel,
  someIds,
} from "../support/models.ts";

// The fastest backend present: there are many passes, and what is tested does not depend on it.
beforeAll(async () => {
  await useBackend("auto");
});

const TARGET = 5;
const SOURCE = 4;
const targetIds = [someIds(TARGET, 3), someIds(TARGET, 4)];
const sourceIds = [someIds(SOURCE, 1), someIds(SOURCE, 2)];
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
 * Central differences err by the square of the step: at 1e-2 the softmax of unscaled scores in T5 is off by a fifth, and
 * already at 1e-3 a mixture of experts may choose others.
 */
const STEP = 3e-4;
const DIFFERENCES = 5e-3;
/** They err by rounding, too: each logit by the last bit of the largest, independently. */
const LAST_BIT = 2 ** -24;

const nameOf = ({ stack, layer, attention, name }: Site): string => `${stack}.${layer}.${attention}.${name}`;

/** Sites of an attention in the order of the pass. */
const attentionSites = ["value", "attentionProbabilities", "headOutput", "attentionOutput"] as const;

/** Where only some models drop something in training: test/models/dropout.test.ts says which. */
const dropoutSites = ["mlpActivation", "stackOutput"] as const satisfies readonly Site["name"][];

interface Seen {
  readonly site: Site;
  readonly shape: readonly number[];
}

/** Every visit of a pass in its order. */
function visits(model: Model): Seen[] {
  const seen: Seen[] = [];
  const visit = (site: Site, activation: Tensor) => {
    seen.push({ site, shape: activation.shape });
    return activation;
  };
  logits(model, { targetIds, sourceIds, sites: { wants: () => true, visit } });
  return seen;
}

/** Names of the sites that a model with as many layers must visit, in order. */
function expectedNames(model: Model, encoderLayers: number): string[] {
  const attention = (at: string): string[] => attentionSites.map((name) => `${at}.${name}`);
  const block = (at: string, cross: boolean): string[] => [
    `${at}.self.blockInput`,
    ...attention(`${at}.self`),
    ...(cross ? attention(`${at}.cross`) : []),
    `${at}.self.mlpOutput`,
    `${at}.self.blockOutput`,
  ];
  const stack = (name: string, count: number, cross: boolean): string[] =>
    Array.from({ length: count }, (_, layer) => block(`${name}.${layer}`, cross)).flat();
  const cross = model.kind === "encoder-decoder";
  return [...stack("encoder", encoderLayers, false), ...stack("decoder", model.facts.layers, cross)];
}

describe.each(architectures)("%s", (architecture) => {
  let model: Model;
  let sitesOf: Seen[];
  beforeAll(async () => {
    model = await smoothGoldenModel(architecture);
    sitesOf = visits(model);
  });

  test("visits every site once, in order, with the documented shape", () => {
    const encoderLayers = new Set(sitesOf.flatMap(({ site }) => (site.stack === "encoder" ? [site.layer] : [])));
    expect(encoderLayers.size > 0).toBe(model.kind === "encoder-decoder");
    const visited = sitesOf.filter(({ site }) => !(dropoutSites as readonly string[]).includes(site.name));
    expect(visited.map(({ site }) => nameOf(site))).toEqual(expectedNames(model, encoderLayers.size));
    const headWidths = new Map<string, number | undefined>();
    for (const { site, shape } of sitesOf) {
      const [what, key] = [nameOf(site), `${site.stack}.${site.layer}.${site.attention}`];
      const T = site.stack === "encoder" ? SOURCE : TARGET;
      const S = site.stack === "encoder" || site.attention === "cross" ? SOURCE : TARGET;
      const H = site.stack === "decoder" ? model.facts.heads : (shape[1] ?? 0);
      const [, second = 0, , last] = shape;
      switch (site.name) {
        case "value":
          headWidths.set(key, last);
          expect(shape, what).toEqual([2, second, S, last]);
          expect(H % second, what).toBe(0);
          break;
        case "attentionProbabilities":
          expect(shape, what).toEqual([2, H, T, S]);
          break;
        case "headOutput":
          expect(shape, what).toEqual([2, H, T, headWidths.get(key)]);
          break;
        case "mlpActivation":
          expect(shape.slice(0, 2), what).toEqual([2, T]);
          break;
        default:
          expect(shape, what).toEqual([2, T, model.facts.width]);
      }
    }
  });

  test("visits only what somebody wants", () => {
    const seen: string[] = [];
    const wants = ({ name, layer }: Site) => name === "mlpOutput" && layer === 0;
    const visit = (site: Site, activation: Tensor) => {
      seen.push(site.name);
      return activation;
    };
    logits(model, { targetIds, sourceIds, sites: { wants, visit } });
    expect(seen).toEqual(model.kind === "decoder-only" ? ["mlpOutput"] : ["mlpOutput", "mlpOutput"]);
  });

  test("gives the same logits when every activation is replaced by itself", () => {
    const pass = { targetIds, sourceIds, ...masks() };
    const sites: Sites = { wants: () => true, visit: (_site, activation) => mul(activation, scalar(1)) };
    expect(relativeDifference(logits(model, { ...pass, sites }), logits(model, pass))).toBeLessThan(ROUNDING);
  });

  test("uses what is put at each site", () => {
    const pass = { targetIds, sourceIds };
    const plain = logits(model, pass);
    for (const { site } of sitesOf) {
      const name = nameOf(site);
      const visit = (_site: Site, x: Tensor) => add(x, randomLike(x, 3));
      const changed = logits(model, { ...pass, sites: { wants: (other) => nameOf(other) === name, visit } });
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
        for (let row = 0; row < 2 * H * queries; row++) {
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
    for (const { site, shape } of sitesOf) {
      const name = nameOf(site);
      const f = (change?: Tensor): Tensor => {
        const sites: Sites = {
          wants: (other) => nameOf(other) === name,
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
      let [difference, largest, squares] = [0, 0, 0];
      for (const [k, value] of ahead.entries()) {
        difference += (weights[k] ?? 0) * (value - (behind[k] ?? 0));
        largest = Math.max(largest, Math.abs(value));
        squares += (weights[k] ?? 0) ** 2;
      }
      const rounding = (LAST_BIT * largest * Math.sqrt(2 * squares)) / (2 * STEP);
      const numeric = difference / (2 * STEP);
      const exact = floats(tidy(() => sum(mul(gradients[i] as Tensor, direction))))[0] ?? Number.NaN;
      const size = Math.sqrt(floats(tidy(() => sum(mul(gradients[i] as Tensor, gradients[i] as Tensor))))[0] ?? 0);
      expect(size, `${what}: the gradient vanishes`).toBeGreaterThan(1e-6);
      expect(Math.abs(numeric - exact), what).toBeLessThan(DIFFERENCES * (Math.abs(exact) + size) + rounding);
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
