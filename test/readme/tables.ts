/** The tables of the pages that are made from the registries, between `<!-- table: name -->` and `<!-- end -->`. */

import { architectures } from "../../models/registry.ts";
import { listAggregationFunctions } from "../../src/aggregate/functions.ts";
import { aggregators } from "../../src/aggregate/registry.ts";
import { type BackendName, backendNames } from "../../src/backend/registry.ts";
import { metrics } from "../../src/evaluate/registry.ts";
import { methods } from "../../src/method/registry.ts";
import { scores } from "../../src/score/registry.ts";
import { driftHead, driftRows, readDrift } from "../agreement/driftTable.ts";
import { agreementHead, agreementRows, readPublished } from "../agreement/published.ts";
import { groundTruthHead, groundTruthRows, readGroundTruth } from "./groundTruthTable.ts";

/** A row for each entry; cells are Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const backendFacts: { readonly [Name in BackendName]: readonly [what: string, when: string] } = {
  cuda: [
    "CUDA kernels of this library, matrix products by cuBLAS",
    "in Node, after a build with `nvcc`, with an NVIDIA GPU of compute capability 8.0 or later, its driver and cuBLAS",
  ],
  native: [
    "C++ kernels of this library, AVX-512 or AVX2 chosen at run time",
    "in Node, where a C++ compiler was found on installing or building",
  ],
  tensorflow: [
    "TensorFlow's own library",
    "in Node, when `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node` is installed and has its binding (`npm run setup:tensorflow`)",
  ],
  wasm: ["TensorFlow.js's WebAssembly with SIMD", "everywhere"],
  cpu: ["TensorFlow.js's plain JavaScript", "everywhere"],
};

const code = (text: string): string => `\`${text}\``;
const list = (names: readonly string[]): string => (names.length > 0 ? names.map(code).join(", ") : "none");

export const tables: Readonly<Record<string, () => string>> = {
  models: () =>
    table(
      ["`model_type`", "Published models", "Classes of Hugging Face transformers"],
      Object.entries(architectures).map(([type, { models, classNames }]) => [code(type), models, list(classNames)]),
    ),
  agreement: () => table(agreementHead, agreementRows(readPublished())),
  drift: () => table(driftHead, driftRows(readDrift())),
  methods: () =>
    table(
      ["Method", "Formula", "Cost for all tokens together", "Options", "Paper"],
      Object.entries(methods).map(([id, { formula, cost, options, paper }]) => [
        code(id),
        formula,
        cost,
        list(options),
        paper,
      ]),
    ),
  scores: () =>
    table(
      ["Score", "Formula", "Unit", "Compares", "Options"],
      Object.entries(scores).map(([id, { formula, unit, contrast, options }]) => [
        code(id),
        formula,
        unit,
        { none: "—", token: "tokens or contexts", context: "contexts" }[contrast],
        list(options),
      ]),
    ),
  metrics: () =>
    table(
      ["Metric", "Formula", "Better", "Cost for an item (forward passes)", "Options and defaults", "Paper"],
      Object.entries(metrics).map(([id, { formula, better, cost, defaults, paper }]) => [
        code(id),
        formula,
        better,
        cost,
        Object.entries(defaults)
          .map(([name, value]) => code(`${name}: ${JSON.stringify(value)}`))
          .join(", ") || "none",
        paper,
      ]),
    ),
  aggregators: () =>
    table(
      ["Aggregator", "What it makes of the scores", "Options"],
      [
        ...Object.entries(aggregators).map(([id, { formula, options }]) => [code(id), formula, list(options)]),
        ["Aggregation functions", list(listAggregationFunctions()), list(["vnormOrd"])],
      ],
    ),
  groundtruth: () => table(groundTruthHead(readGroundTruth()), groundTruthRows(readGroundTruth())),
  backends: () =>
    table(
      ["Backend", "What it is", "When it is present"],
      backendNames.map((name) => [code(name), ...backendFacts[name]]),
    ),
};

/** A page with its tables as the registries have them now. */
export function withTables(page: string): string {
  return page.replace(
    /(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (whole, open: string, name: string, close: string) => {
      const make = tables[name];
      return make === undefined ? whole : `${open}\n${make()}\n\n${close}`;
    },
  );
}
