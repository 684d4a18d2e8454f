import { expect, test } from "vitest";
import { type AttributionArguments, libraryOptions } from "../../src/cli/attributionArguments.ts";
import { attributeOptions } from "../../src/cli/options.ts";

/** What is done before or after attributing; other tests of the command show that it is. */
type Elsewhere =
  | "modelNameOrPath"
  | "modelKwargs"
  | "tokenizerKwargs"
  | "attributionMethod"
  | "chat"
  | "device"
  | "backend"
  | "quantize"
  | "dtype"
  | "precision"
  | "attributionAggregators"
  | "attributionSelectors"
  | "aggregationKwargs"
  | "normalizeAttributions"
  | "rescaleAttributions"
  | "aggregateOutput"
  | "hideAttributions"
  | "savePath"
  | "verbose"
  | "veryVerbose";

/** Another value than the default of all others: a new option without a row does not compile. */
const given: { readonly [Name in Exclude<keyof AttributionArguments, Elsewhere>]-?: AttributionArguments[Name] } = {
  generateFromTargetPrefix: true,
  batchSize: 3,
  generationKwargs: { num_beams: 4 },
  skipSpecialTokens: true,
  retokenize: true,
  attributedFn: "logit",
  attributionKwargs: { n_steps: 20 },
  outputSpans: ["sentence"],
  widthReduction: "sum",
  attributeTarget: true,
  stepScores: ["entropy"],
  startPos: -3,
  endPos: -1,
  includeEosBaseline: true,
  baseline: ["zero"],
  seed: 7,
  outputStepAttributions: true,
  memoryBudget: 1024,
};

const defaults = Object.fromEntries(
  Object.entries(attributeOptions).map(([name, { kind, ...option }]) => {
    const empty = kind === "flag" ? false : kind === "record" ? {} : undefined;
    return [name, "default" in option ? option.default : empty];
  }),
) as unknown as AttributionArguments;

test.each(Object.entries(given))("%s reaches the library, and changes one of its options", (name, value) => {
  const [without, withIt] = [libraryOptions(defaults), libraryOptions({ ...defaults, [name]: value })];
  const options = Object.keys({ ...without, ...withIt }) as (keyof typeof without)[];
  const changed = options.filter((option) => JSON.stringify(without[option]) !== JSON.stringify(withIt[option]));
  expect(changed).toHaveLength(1);
});
