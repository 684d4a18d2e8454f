/** What Hugging Face generates: made by test/golden/make_generation.py, for the reference models with every option. */

import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../../models/load.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { generate } from "../../../src/model/generation/generate.ts";
import {
  type GenerationOptions,
  readGenerationArgs,
  readGenerationDefaults,
} from "../../../src/model/generation/options.ts";
import type { Model } from "../../../src/model/model.ts";
import { openFolder } from "../../../src/platform/node.ts";
import { architectures, goldenPath } from "../../support/goldenResults.ts";
import { markovModel } from "./markovModel.ts";

interface Run {
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: readonly (readonly number[])[];
  readonly prefix?: readonly (readonly number[])[];
  readonly expected: readonly (readonly number[])[];
}

interface Table {
  readonly logits: readonly (readonly number[])[];
  readonly searches: readonly {
    readonly options: Readonly<Record<string, unknown>>;
    readonly prompt: readonly number[];
    readonly expected: readonly number[];
  }[];
}

interface Forward {
  readonly inputs: readonly {
    readonly input_ids: readonly number[];
    readonly greedy: { readonly full_ids: readonly number[]; readonly forced_bos_token_id?: number };
    readonly greedy_from_prefix?: {
      readonly decoder_input_ids: readonly number[];
      readonly new_ids: readonly number[];
    };
  }[];
}

// The fastest backend present: what is tested is the search, whose ids are the same on all of them.
beforeAll(async () => {
  await useBackend("auto");
});

const demo = ["stories-gpt2", "translation-marian"];
const { runs, markov } = JSON.parse(readFileSync(goldenPath("generation.json"), "utf8")) as {
  runs: Run[];
  markov: Table[];
};

describe("beam searches through small tables end like Hugging Face's", () => {
  test.each(markov.map((table, i) => [i, table] as const))("table %i", async (_i, { logits, searches }) => {
    const model = markovModel(logits, { sharpening: 1 / 50 });
    for (const { options, prompt, expected } of searches) {
      const rows = await generate(model, { inputIds: [prompt], options: readGenerationArgs(options) });
      expect(rows, JSON.stringify(options)).toEqual([expected]);
    }
    model.dispose();
  });
});

/** Searches with several beams, of an architecture that is not among the reference models. */
function ownRuns(name: string): Run[] {
  const path = goldenPath(name, "generation.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { runs: Run[] }).runs : [];
}

for (const name of [...architectures, ...demo]) {
  describe(`${name} generates what Hugging Face generates`, () => {
    let loaded: Loaded;
    beforeAll(async () => {
      loaded = await load(name);
    });
    afterAll(() => loaded.model.dispose());

    test.each(
      [...runs, ...ownRuns(name)]
        .filter(({ model }) => model === name)
        .map((run) => [JSON.stringify(run.options), run] as const),
    )("with %s", async (_title, run) => {
      const { model, defaults } = loaded;
      const options = readGenerationArgs(run.options, defaults);
      const rows = await generate(model, { inputIds: run.inputs, targetPrefix: run.prefix, options });
      expect(rows).toEqual(run.expected);
    });

    if (demo.includes(name)) return;
    test("greedily, for the inputs of forward.json, in one batch", async () => {
      const { model, defaults } = loaded;
      const forward = JSON.parse(readFileSync(goldenPath(name, "forward.json"), "utf8")) as Forward;
      const options = readGenerationArgs({ maxNewTokens: 8 }, defaults);
      const language = forward.inputs[0]?.greedy.forced_bos_token_id;
      const first = language === undefined ? {} : { forcedBosTokenId: language };
      const inputIds = forward.inputs.map(({ input_ids }) => input_ids);
      const greedy = readGenerationArgs({ maxNewTokens: 8, ...first }, defaults);
      const rows = await generate(model, { inputIds, options: greedy });
      expect(rows).toEqual(forward.inputs.map(({ greedy }) => greedy.full_ids));
      for (const { input_ids, greedy_from_prefix: from } of forward.inputs) {
        if (from === undefined) continue;
        const request = { inputIds: [input_ids], targetPrefix: [from.decoder_input_ids], options };
        expect(await generate(model, request)).toEqual([[...from.decoder_input_ids, ...from.new_ids]]);
      }
    });
  });
}

interface Loaded {
  readonly model: Model;
  readonly defaults: GenerationOptions;
}

async function load(name: string): Promise<Loaded> {
  const files = await openFolder(demo.includes(name) ? `models/demo/${name}` : goldenPath(name, "model"));
  const { model, rawConfig } = await loadArchitecture(files);
  return { model, defaults: await readGenerationDefaults(files, rawConfig) };
}
