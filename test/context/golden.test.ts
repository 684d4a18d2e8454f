/** What the real Inseq's `attribute-context` says of the bundled models; `test/golden/make_context.py` made the file. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AggregateOptions } from "../../src/aggregate/aggregate.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { attributeContext } from "../../src/context/attributeContext.ts";
import type { ContextOptions } from "../../src/context/options.ts";
import { AttributeContextOutput } from "../../src/context/output.ts";
import { loadModel } from "../../src/loadModel.ts";

interface Case {
  readonly options: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
type Golden = Record<string, Record<string, Case>>;
const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Golden;

/** Models of others are compared where `make_context.py --trained` has run, which the variable says. */
const others = process.env.INSEQ_CONTEXT_GOLDEN;
const golden: Golden = { ...read(`${root}/test/golden/context.json`), ...(others ? read(others) : {}) };
test.skipIf(others === undefined)("INSEQ_CONTEXT_GOLDEN, of make_context.py --trained, has models of others", () => {
  expect(Object.keys(read(others ?? ""))).not.toEqual([]);
});

/** Of the largest score: gradients at probabilities near 1 are differences of nearly equal numbers. */
const TOLERANCE = 2e-4;

/** Inseq's options of the command under the library's names. */
function optionsOf(given: Case["options"]): ContextOptions {
  const { attribution_aggregators: aggregator, normalize_attributions: normalize = false, ...others } = given;
  const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const renamed = Object.entries(others).map(([name, value]) =>
    name === "attribution_kwargs" ? ["attribution", { nSteps: 20 }] : [camelCase(name), value],
  );
  const way = { ...(aggregator !== undefined && { aggregator }), normalize } as AggregateOptions;
  return { ...Object.fromEntries(renamed), aggregation: [way] } as ContextOptions;
}

type Fields = Readonly<Record<string, unknown>>;

const numbers = (value: unknown) => value as readonly number[] | null;

/** Relative to the largest score of a case. Scores of a saturated probability are rounding errors of something below 1e-2. */
function expectNear(received: unknown, expected: unknown, largest: number): void {
  const [values, wanted] = [numbers(received), numbers(expected)];
  expect(values?.length).toBe(wanted?.length);
  const worst = Math.max(0, ...(values ?? []).map((value, i) => Math.abs(value - (wanted?.[i] ?? Number.NaN))));
  expect(worst / Math.max(largest, 1e-2)).toBeLessThan(TOLERANCE);
}

function largestOf(lists: readonly unknown[]): number {
  return Math.max(0, ...lists.flatMap((list) => (numbers(list) ?? []).map(Math.abs)));
}

/** Inseq cuts a context apart from its text, so that no space comes before it. */
function withoutFirstSpace(tokens: unknown): unknown {
  return (tokens as readonly string[] | null)?.map((token, i) => (i === 0 ? token.replace("Ġ", "") : token)) ?? null;
}

const startsWithSpecial = (model: AttributionModel) => model.tokenizer.specialIds.has(model.encode("a").ids[0] ?? -1);

describe.each(Object.entries(golden))("attributeContext of %s", { timeout: 120_000 }, (name, cases) => {
  let model: AttributionModel;
  beforeAll(async () => {
    model = await loadModel(resolve(root, name));
  });
  afterAll(() => model.dispose());

  test.each(Object.entries(cases))("%s", async (_title, { options, expected }) => {
    const result = await attributeContext(model, { ...optionsOf(options), addOutputInfo: false });
    const file = JSON.parse(result.serialize()) as Fields & { cci_scores: readonly Fields[] };
    for (const key of ["input_context", "input_context_tokens", "output_context", "output_current"]) {
      expect(file[key], key).toEqual(expected[key]);
    }
    expect(file.output_current_tokens).toEqual(expected.output_current_tokens);
    expect(withoutFirstSpace(file.output_context_tokens)).toEqual(expected.output_context_tokens);
    expectNear(file.cti_scores, expected.cti_scores, largestOf([expected.cti_scores]));

    const all = expected.cci_scores as readonly Fields[];
    expect(file.cci_scores.map((cues) => cues.cti_idx)).toEqual(all.map((cues) => cues.cti_idx));
    const largest = largestOf(all.flatMap((cues) => [cues.input_context_scores, cues.output_context_scores]));
    for (const [i, wanted] of all.entries()) {
      const received = file.cci_scores[i] ?? {};
      for (const key of ["cti_token", "contextual_output", "contrast_token"]) {
        expect(received[key], key).toBe(wanted[key]);
      }
      // Inseq leaves the prompt out where the word to compare with is given.
      expect(String(received.contextless_output)).toSatisfy((text: string) =>
        text.endsWith(String(wanted.contextless_output).trim()),
      );
      // Inseq counts a BOS or decoder start token among the scores, not among the tokens: its scores are one place late.
      for (const [key, late] of [
        ["input_context_scores", startsWithSpecial(model)],
        ["output_context_scores", startsWithSpecial(model) || model.model.kind === "encoder-decoder"],
      ] as const) {
        const [own, theirs] = [numbers(received[key]), numbers(wanted[key])];
        expectNear(late ? own?.slice(0, -1) : own, late ? theirs?.slice(1) : theirs, largest);
      }
    }
    expect(AttributeContextOutput.deserialize(result.serialize())).toEqual(result);
  });
});
