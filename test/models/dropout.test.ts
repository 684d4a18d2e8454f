/** Dropout at sites: where, how much and in which order transformers' models in training mode drop. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { randomModel } from "../../models/load.ts";
import type { JsonObject } from "../../src/json.ts";
import { type DropoutRates, dropoutSites, everywhere, readDropoutRates } from "../../src/model/dropout.ts";
import type { Sites } from "../../src/model/sites.ts";
import { Random } from "../../src/random.ts";
import { ones } from "../../src/tensor.ts";
import { goldenPath } from "../support/goldenResults.ts";
import { logits } from "../support/models.ts";

/** Rates that were given to a model, and what it dropped: [rate, numbers] in order. Made by test/golden/make_dropout.py. */
const golden = JSON.parse(readFileSync("test/golden/dropout.json", "utf8")) as Record<
  string,
  { readonly rates: Record<string, number>; readonly dropped: readonly (readonly [rate: number, size: number])[] }
>;

/** Falcon drops from the sum of attention and feed-forward part, NLLB-MoE inside its experts: here neither has such a site. */
const differ = ["falcon", "nllb_moe"];

/** The raw config with other rates; a dot leads into a nested record. */
function withRates(raw: JsonObject, rates: Record<string, number>): JsonObject {
  const changed = structuredClone(raw) as Record<string, unknown>;
  for (const [path, rate] of Object.entries(rates)) {
    const [name = "", inner] = path.split(".");
    changed[name] = inner === undefined ? rate : { ...(changed[name] as object), [inner]: rate };
  }
  return changed as JsonObject;
}

/** What is dropped in a pass, without dropping it. */
function spied(rates: DropoutRates): { sites: Sites; dropped: [number, number][] } {
  const dropped: [number, number][] = [];
  const sites = dropoutSites(rates, new Random(1));
  return {
    dropped,
    sites: {
      wants: sites.wants,
      visit(site, x) {
        const kept = Math.max(...sites.visit(site, ones(x.shape)).dataSync());
        dropped.push([Math.round((1 - 1 / kept) * 100) / 100, x.size]);
        return x;
      },
    },
  };
}

test.each(Object.keys(golden).filter((name) => !differ.includes(name)))("%s drops where transformers' does", (name) => {
  const { rates, dropped } = golden[name] as (typeof golden)[string];
  const raw = withRates(JSON.parse(readFileSync(goldenPath(name, "model", "config.json"), "utf8")), rates);
  const model = randomModel(raw, 1, 0.1);
  const spy = spied(model.facts.dropout?.rates ?? {});
  const ids = [5, 6, 7, 8, 9, 10, 11];
  if (model.kind === "decoder-only") logits(model, { targetIds: [ids], sites: spy.sites });
  else logits(model, { sourceIds: [ids], targetIds: [ids.slice(0, 4)], sites: spy.sites });
  model.dispose();
  expect(spy.dropped).toEqual(dropped);
});

test("a mask drops as likely as it says, keeps the mean, and is the same for the same seed", () => {
  const x = ones([101, 97]);
  const site = { name: "mlpOutput", stack: "decoder", attention: "self", layer: 3 } as const;
  const draw = (seed: number) => dropoutSites({ mlpOutput: 0.3 }, new Random(seed)).visit(site, x).dataSync();
  const values = [...draw(7)];
  const share = values.filter((value) => value === 0).length / values.length;
  // Standard deviation √(p (1 − p) / n) = 0.0046; five of them.
  expect(Math.abs(share - 0.3)).toBeLessThan(0.023);
  expect(values.every((value) => value === 0 || Math.abs(value - 1 / 0.7) < 1e-6)).toBe(true);
  expect([...draw(7)]).toEqual(values);
  expect([...draw(8)]).not.toEqual(values);
});

test("embeddings are dropped before the first block only, and rates of 0 drop nothing", () => {
  const at = { name: "blockInput", stack: "decoder", attention: "self" } as const;
  const sites = dropoutSites({ embedding: 0.1 }, new Random(1));
  expect([0, 1].map((layer) => sites.wants({ ...at, layer }))).toEqual([true, false]);
  const attributes = { embedding: ["a.b", 0], final: ["c", 0.2], activation: ["d", 0.5] } as const;
  expect(readDropoutRates(attributes, { a: { b: 0.1 }, d: 0 })).toEqual({ embedding: 0.1, final: 0.2 });
  expect(everywhere(attributes, 0.25)).toEqual({ embedding: 0.25, final: 0.25, activation: 0.25 });
});
