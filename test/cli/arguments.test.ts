import { Command } from "commander";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalArguments } from "../../src/cli/arguments.ts";
import { attributeOptions } from "../../src/cli/options.ts";
import { commanderOptions } from "../../src/cli/program.ts";
import { OptionError } from "../../src/errors.ts";

/** What the command's own parser makes of a command line, without the values that are defaults. */
function parsed(argv: readonly string[]): object {
  const options = (given: readonly string[]): Record<string, unknown> => {
    const command = new Command("attribute").exitOverride();
    for (const option of commanderOptions(attributeOptions)) command.addOption(option);
    return command.parse([...given], { from: "user" }).opts();
  };
  const defaults = options([]);
  const values = options(canonicalArguments(argv, attributeOptions));
  const changed = Object.entries(values).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name]),
  );
  return Object.fromEntries(changed);
}

// What the parser of Inseq 0.7.1 (Python 3.11's argparse) gives for the same arguments, names in camelCase.
const accepted: readonly (readonly [argv: readonly string[], values: object])[] = [
  [["-m", "gpt2", "-i", "Hello"], { modelNameOrPath: "gpt2", inputTexts: ["Hello"] }],
  [
    ["--model_name_or_path", "gpt2", "--input_texts", "a", "b c", "-g", "a d", "b c e"],
    { modelNameOrPath: "gpt2", inputTexts: ["a", "b c"], generatedTexts: ["a d", "b c e"] },
  ],
  [["--model_name_or_path=gpt2", "--input_texts=a"], { modelNameOrPath: "gpt2", inputTexts: ["a"] }],
  [["-m=gpt2", "-i=-hello"], { modelNameOrPath: "gpt2", inputTexts: ["-hello"] }],
  [["-mgpt2", "-ia"], { modelNameOrPath: "gpt2", inputTexts: ["a"] }],
  [["-i", "- a list item"], { inputTexts: ["- a list item"] }],
  [["-i", "-3", "4"], { inputTexts: ["-3", "4"] }],
  [["-i", ""], { inputTexts: [""] }],
  [
    ["-i", "a", "-bs", "4", "-fn", "logit", "-vv", "--dev", "cpu", "--eos", "--hide"],
    {
      attributedFn: "logit",
      device: "cpu",
      includeEosBaseline: true,
      batchSize: 4,
      hideAttributions: true,
      veryVerbose: true,
      inputTexts: ["a"],
    },
  ],
  [["-bs=2"], { batchSize: 2 }],
  [["-b", "3"], { batchSize: 3 }],
  [["-s", "-3", "-e", "-1"], { startPos: -3, endPos: -1 }],
  [["-s-3"], { startPos: -3 }],
  [["--start_pos=-3"], { startPos: -3 }],
  [["--eos", "yes"], { includeEosBaseline: true }],
  [["--eos", "False"], {}],
  [["--eos", "N"], {}],
  [["--eos=0"], {}],
  [["--include_eos_baseline", "T", "-v"], { includeEosBaseline: true, verbose: true }],
  [["-v", "1", "-vv", "no"], { verbose: true }],
  [["--attribute_target", "--hide_attributions", "true"], { attributeTarget: true, hideAttributions: true }],
  [["-a", "saliency"], {}],
  [
    ["--step_scores", "probability", "entropy", "-i", "a"],
    { stepScores: ["probability", "entropy"], inputTexts: ["a"] },
  ],
  [
    ["--attribution_selectors", "0", "-1", "--attribution_aggregators", "mean", "vnorm"],
    { attributionSelectors: [0, -1], attributionAggregators: ["mean", "vnorm"] },
  ],
  [
    ["--attribution_kwargs", '{"n_steps": 20, "attribution_args": {"method": "riemann_left"}}'],
    { attributionKwargs: { n_steps: 20, attribution_args: { method: "riemann_left" } } },
  ],
  [["--input", "a"], { inputTexts: ["a"] }],
  [["--norm"], { normalizeAttributions: true }],
  [["--save", "o.json"], { savePath: "o.json" }],
  [["-o", "x"], { savePath: "x" }],
  [["--batch_size", "1_000"], { batchSize: 1000 }],
  [["--batch_size", " 7 "], { batchSize: 7 }],
  [["--batch_size", "+7"], { batchSize: 7 }],
  [["-i", "a", "-i", "b"], { inputTexts: ["b"] }],
  [["-bs", "1", "-bs", "2"], { batchSize: 2 }],
  [["-i", "a", "--hide", "-g", "b", "c"], { hideAttributions: true, inputTexts: ["a"], generatedTexts: ["b", "c"] }],
  [["-i", "--not an option"], { inputTexts: ["--not an option"] }],
  [["-i", "a=b", "c=d"], { inputTexts: ["a=b", "c=d"] }],
  [["-i", "--x=y z"], { inputTexts: ["--x=y z"] }],
  [["-vtrue"], { verbose: true }],
  [["-v=no"], {}],
  [["-g", "-"], { generatedTexts: ["-"] }],
];

const refused: readonly (readonly string[])[] = [
  ["-i", "-x"],
  ["-bs2"],
  ["--start_pos", "-.5"],
  ["--eos", "maybe"],
  ["-a", "saliencey"],
  ["-fn", "nope"],
  ["--step_scores"],
  ["--step_scores", "nope"],
  ["--attribution_aggregators", "foo"],
  ["--attribution_kwargs", "{n_steps: 20}"],
  ["--no_attribute_target"],
  ["--gen", "a"],
  ["--attrib", "a"],
  ["--model", "x"],
  ["--batch_size", "x"],
  ["--batch_size", "1.5"],
  ["--batch_size"],
  ["-i", "a", "--unknown", "b"],
  ["stray", "-i", "a"],
  ["-i", "a", "-v", "stray"],
  ["-q"],
  ["-e", "-1e3"],
  ["-vo", "x"],
  ["-vs", "3"],
];

describe("command lines are read as Inseq's argparse reads them", () => {
  test.each(accepted)("%j", (argv, values) => {
    expect(parsed(argv)).toEqual(values);
  });

  test.each(refused.map((argv) => [argv]))("%j is refused", (argv) => {
    expect(() => parsed(argv)).toThrow(OptionError);
  });
});

describe("beyond argparse", () => {
  test.each([
    [["--batch-size", "2", "--input-texts=a"], { batchSize: 2, inputTexts: ["a"] }],
    [["-i", "--", "-x", "--eos", "-"], { inputTexts: ["-x", "--eos", "-"] }],
    [["-i", "a", "--", "-b"], { inputTexts: ["a", "-b"] }],
    [["-m", "--", "-folder", "--eos"], { modelNameOrPath: "-folder", includeEosBaseline: true }],
    [["-i", "-hello world"], { inputTexts: ["-hello world"] }],
    [["--de", "cpu"], { device: "cpu" }],
    [["--memory_budget", "1.5k"], { memoryBudget: 1536 }],
    [["--memory-budget=2GiB"], { memoryBudget: 2 ** 31 }],
    [["--memory_budget", "77"], { memoryBudget: 77 }],
    [["--svg_path", "a.svg", "--retokenize"], { svgPath: "a.svg", retokenize: true }],
  ])("%j", (argv, values) => {
    expect(parsed(argv)).toEqual(values);
  });

  test.each([
    ["a value outside a list", ["-i", "a", "-bs", "3", "4"], /expected an option, received "4"/],
    ["an option without its dashes", ["input_texts", "a"], /did you mean "--input_texts"/],
    [
      "the nearest option",
      ["--generatd_texts", "a"],
      /unknown option "--generatd_texts"; did you mean "--generated_texts"/,
    ],
    ["how a value may begin with a dash", ["-i", "-x"], /unknown option "-x"; a value that begins with a dash/],
    [
      "what a beginning could mean",
      ["--gen", "a"],
      /--generated_texts, --generate_from_target_prefix, --generation_kwargs/,
    ],
    ["the nearest method", ["-a", "salliency"], /unknown attribution method "salliency"; did you mean "saliency"/],
    [
      "a record that is none",
      ["--generation_kwargs", "[1]"],
      /--generation_kwargs: expected a JSON object .*received \[1\]/,
    ],
    ["a number of no bytes", ["--memory_budget", "0"], /expected a number of bytes/],
    ["a number of other things", ["--memory_budget", "2T"], /expected a number of bytes/],
    ["a value for --", ["--eos", "--"], /expected an option, received "--"/],
    ["a missing value", ["-o", "-v"], /-o: expected a value, received none/],
  ])("refusing names %s", (_, argv, message) => {
    expect(() => parsed(argv)).toThrow(message);
  });

  test("help wins over what follows it", () => {
    expect(canonicalArguments(["-i", "a", "--help", "--nonsense"], attributeOptions)).toEqual(["--help"]);
  });

  test("any text goes through joined, and behind --", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 }), (texts) => {
        expect(parsed(["-bs", "2", "-i", "--", ...texts])).toEqual({ batchSize: 2, inputTexts: texts });
        expect(parsed([`--input_texts=${texts[0]}`])).toEqual({ inputTexts: texts.slice(0, 1) });
      }),
    );
  });
});
