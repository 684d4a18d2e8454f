/** What the explanations of minimal pairs amount to: means, paired differences, a report. */

import { bootstrap, type Estimate, pairedDifference } from "../../src/evaluate/bootstrap.ts";
import type { ReportBlock, ReportSection } from "../../src/render/report.ts";
import { type Outcome, paragraph, shown } from "./reproduction.ts";

export type Question = "non-contrastive" | "contrastive";

export interface PairResult {
  readonly id: string;
  readonly paradigm: string;
  readonly prompt: string;
  readonly right: string;
  readonly wrong: string;
  readonly evidence: readonly string[];
  /** Logit of the right word minus the wrong one's. */
  readonly difference: number;
  readonly isRight: boolean;
  /** By question, method and metric. */
  readonly values: Readonly<Record<Question, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
}

const metrics = {
  dot_product: { name: "dot product", better: "higher" },
  probes_needed: { name: "probes needed", better: "lower" },
  mrr: { name: "MRR", better: "higher" },
} as const;
type MetricName = keyof typeof metrics;

interface Comparison {
  readonly method: string;
  readonly metric: MetricName;
  readonly plain: Estimate;
  readonly contrastive: Estimate;
  /** Contrastive minus non-contrastive, pair by pair. */
  readonly difference: Estimate;
}

export function describePairs(results: readonly PairResult[], seed: number): Outcome {
  const right = results.filter(({ isRight }) => isRight);
  const comparisons = compare(right, seed);
  const better = comparisons.filter(({ metric, difference: { mean, standardError } }) => {
    const gain = metrics[metric].better === "higher" ? (mean ?? 0) : -(mean ?? 0);
    return gain > 2 * (standardError ?? Number.POSITIVE_INFINITY);
  });
  const worse = comparisons.filter(({ metric, difference: { mean, standardError } }) => {
    const loss = metrics[metric].better === "higher" ? -(mean ?? 0) : (mean ?? 0);
    return loss > 2 * (standardError ?? Number.POSITIVE_INFINITY);
  });
  const explained = comparisons.filter(({ method }) => method !== "random");
  const summary = [
    `The model prefers the right word in ${right.length} of ${results.length} pairs, which are explained.`,
    ...explained
      .filter(({ metric }) => metric === "mrr")
      .map(
        ({ method, plain, contrastive, difference }) =>
          `${method}: MRR ${plusMinus(plain)} non-contrastive, ${plusMinus(contrastive)} contrastive, ` +
          `difference ${plusMinus(difference)}.`,
      ),
    `Contrastive explanations are better by more than two standard errors in ${better.length} of ${explained.length} comparisons ` +
      `(three methods, three metrics), worse in ${worse.length}.`,
  ];
  const paradigms = [...new Set(right.map(({ paradigm }) => paradigm))];
  const sections: ReportSection[] = [
    { heading: "What the paper reports", blocks: paper.map(paragraph) },
    {
      heading: "What came out here",
      blocks: [
        ...summary.map(paragraph),
        paragraph(
          "Explained is the logit of the right word, or its difference from the wrong one's. Dot product: the sum of the " +
            "evidence's scores, as they are. Probes needed: how many words come before the first evidence, the highest score first. " +
            "MRR: the mean of 1 / rank of the highest evidence. Standard errors by resampling pairs.",
        ),
        plotOf(comparisons),
        tableOf("All paradigms", comparisons),
      ],
    },
    {
      heading: "By paradigm",
      blocks: paradigms.map((paradigm) => {
        const own = right.filter((pair) => pair.paradigm === paradigm);
        return tableOf(`${paradigm || "pairs"}, ${own.length} pairs`, compare(own, seed));
      }),
    },
    {
      heading: "All pairs",
      blocks: [
        {
          kind: "table",
          columns: ["", "right", "wrong", "evidence", "logit difference"],
          rows: results.map((pair) => [
            pair.prompt,
            pair.right,
            pair.wrong,
            pair.evidence.join(", "),
            shown(pair.difference, 2),
          ]),
        },
      ],
    },
  ];
  const figures = {
    pairs: results.length,
    right: right.length,
    comparisons: comparisons.map((one) => ({
      ...one,
      plain: { ...one.plain },
      contrastive: { ...one.contrastive },
      difference: { ...one.difference },
    })),
    better: better.length,
    worse: worse.length,
  };
  return { figures, items: results.map((pair) => ({ ...pair })), sections, summary };
}

function compare(pairs: readonly PairResult[], seed: number): Comparison[] {
  const [first] = pairs;
  return Object.keys(first?.values.contrastive ?? {}).flatMap((method) =>
    (Object.keys(metrics) as MetricName[]).map((metric): Comparison => {
      const of = (question: Question): number[] =>
        pairs.map(({ values }) => values[question][method]?.[metric] ?? Number.NaN);
      const [plain, contrastive] = [of("non-contrastive"), of("contrastive")];
      return {
        method,
        metric,
        plain: bootstrap(plain, seed),
        contrastive: bootstrap(contrastive, seed),
        difference: pairedDifference(contrastive, plain, seed),
      };
    }),
  );
}

function plotOf(comparisons: readonly Comparison[]): ReportBlock {
  const own = comparisons.filter(({ metric }) => metric === "mrr");
  const series = (name: Question, of: (one: Comparison) => Estimate) => ({
    name,
    values: own.map((one) => of(one).mean ?? Number.NaN),
    errors: own.map((one) => of(one).standardError ?? 0),
  });
  return {
    kind: "plot",
    plot: {
      kind: "bars",
      names: own.map(({ method }) => method),
      series: [series("non-contrastive", (one) => one.plain), series("contrastive", (one) => one.contrastive)],
      value: { label: "Mean reciprocal rank of the evidence", min: 0, max: 1 },
    },
    caption: "How high explanations rank the word that decides.",
  };
}

function tableOf(caption: string, comparisons: readonly Comparison[]): ReportBlock {
  return {
    kind: "table",
    caption,
    columns: ["", "metric", "non-contrastive", "contrastive", "difference"],
    rows: comparisons.map(({ method, metric, plain, contrastive, difference }) => [
      method,
      `${metrics[metric].name} (${metrics[metric].better} is better)`,
      plusMinus(plain),
      plusMinus(contrastive),
      plusMinus(difference),
    ]),
  };
}

const plusMinus = ({ mean, standardError }: Estimate): string => `${shown(mean)} ± ${shown(standardError)}`;

const paper: readonly string[] = [
  "Yin and Neubig (2022, arXiv 2202.10419) explain GPT-2 and GPT-Neo on BLiMP's minimal pairs, by the length of the gradient, by " +
    "gradient × input and by erasing inputs, and compare with the words that decide by grammar. They report that contrastive " +
    "explanations, of one word rather than the other, agree with that evidence better than explanations of one word alone.",
  "This is a summary in our words, not a quotation.",
  "Here the three methods (the gradient's length as its L2 norm) and the three metrics are applied to both questions. The " +
    "paper's figures are not repeated: they hold for its models. With " +
    "--model gpt2 and a file of BLiMP as --data it runs on those; evidence comes from rules instead of a parser.",
];
