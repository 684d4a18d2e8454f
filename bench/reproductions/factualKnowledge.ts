/**
 * Locating factual knowledge in GPT-2, after Sarti et al. 2023 ("Inseq", arXiv 2302.13942): for facts that a model
 * knows, at which tokens and in which layers do the feed-forward networks act on the true answer rather than a false one?
 *
 * The own facts are what the bundled model has learned from its stories: where people of a profession work, and what noise an
 * animal makes. `data` takes CounterFact, in the format of Meng et al. 2022.
 */

import { readFileSync } from "node:fs";
import { bootstrap, type Estimate } from "../../src/evaluate/bootstrap.ts";
import { correlation } from "../../src/evaluate/correlation.ts";
import { readItems } from "../../src/evaluate/data/readItems.ts";
import { NumericError, UnsupportedError } from "../../src/index.ts";
import type { ReportBlock, ReportSection } from "../../src/render/report.ts";
import { type Region, regions, type TracedFact, traceFact } from "./attributionTracing.ts";
import { type Outcome, paragraph, type Reproduction, type ReproductionOptions, shown } from "./reproduction.ts";

export const factualKnowledge: Reproduction = {
  title: "Locating factual knowledge",
  model: "models/demo/stories-gpt2",

  async run(model, options) {
    if (model.model.kind !== "decoder-only") {
      throw new UnsupportedError(`factual-knowledge: expected a decoder-only model, but ${model.name} translates`);
    }
    const path = options.data ?? new URL("facts.jsonl", import.meta.url);
    const items = readItems(readFileSync(path, "utf8"), { name: String(path), format: "counterfact" });
    const asked = items.slice(0, options.limit);
    const facts: TracedFact[] = [];
    for (const [i, item] of asked.entries()) {
      options.onProgress?.(i, asked.length);
      facts.push(await traceFact(model, item));
    }
    options.onProgress?.(asked.length, asked.length);
    return describe(facts, options);
  },
};

/** For each region and layer, the mean over facts of a token's share of that layer. */
type Averages = Readonly<Record<Region, readonly Estimate[]>>;

function describe(facts: readonly TracedFact[], { seed }: ReproductionOptions): Outcome {
  const known = facts.filter(({ pTrue, pFalse }) => pTrue > pFalse);
  const layers = Array.from({ length: known[0]?.map[0]?.length ?? 0 }, (_, layer) => layer);
  if (known.length === 0) {
    throw new NumericError(
      `factual-knowledge: expected a model that knows some of the facts, but it prefers the false answer in all ${facts.length}`,
    );
  }
  const averages = averagesOf(known, layers, seed);
  const peaks = Object.fromEntries(regions.map((region) => [region, peakOf(averages[region])]));
  const inner = layers.slice(0, -1);
  const strongest = inner.map((layer) => strongestAt(averages, layer));
  const growth = correlation(
    layers,
    averages["last token"].map(({ mean }) => mean ?? Number.NaN),
    "spearman",
  );
  const summary = [
    `The model prefers the true answer in ${known.length} of ${facts.length} facts; the averages are over those.`,
    `Besides the last token, a token's share is greatest: ${inner.map((layer) => `layer ${layer}, ${strongest[layer]}`).join("; ")}.`,
    `The last token's share ${growth === null ? "does not change" : `goes with depth by ρ ${shown(growth, 2)}`}; ` +
      `the last subject token's is greatest in layer ${peaks["last subject token"]}, relation words' in layer ` +
      `${peaks["relation words"]} (of layers 0 to ${layers.length - 1}).`,
  ];
  const sections: ReportSection[] = [
    { heading: "What the paper reports", blocks: paper.map(paragraph) },
    {
      heading: "What came out here",
      blocks: [
        ...summary.map(paragraph),
        paragraph(
          "Shares are lengths of gradient × activation at the outputs of the feed-forward networks, divided by their sum over the " +
            "prompt's tokens in the same layer, as Inseq normalises them. Bands are standard errors over facts. In the last layer " +
            "the last token has everything by construction: nothing behind it carries anything from token to token.",
        ),
        ...plots(averages, layers),
        averagesTable(averages, layers),
      ],
    },
    { heading: "Examples", blocks: known.slice(0, 3).map((fact) => mapOf(fact, layers)) },
  ];
  const figures = {
    facts: facts.length,
    known: known.length,
    averages: Object.fromEntries(regions.map((region) => [region, averages[region].map((one) => ({ ...one }))])),
    peaks,
    strongest,
    lastTokenWithDepth: growth,
  };
  return { figures, items: facts.map((fact) => ({ ...fact })), sections, summary };
}

function averagesOf(facts: readonly TracedFact[], layers: readonly number[], seed: number): Averages {
  const ofRegion = (region: Region): Estimate[] =>
    layers.map((layer) => {
      const shares = facts.flatMap(({ map, regions: of }) => {
        const own = map.filter((_, token) => of[token] === region).map((row) => row[layer] ?? Number.NaN);
        return own.length > 0 ? [own.reduce((sum, share) => sum + share, 0) / own.length] : [];
      });
      return bootstrap(shares, seed);
    });
  return Object.fromEntries(regions.map((region) => [region, ofRegion(region)])) as unknown as Averages;
}

/** The layer with the greatest mean; null for a region that no fact has. */
function peakOf(estimates: readonly Estimate[]): number | null {
  const means = estimates.map(({ mean }) => mean ?? Number.NEGATIVE_INFINITY);
  const best = Math.max(...means);
  return Number.isFinite(best) ? means.indexOf(best) : null;
}

/** The region, besides the last token, whose tokens have the greatest mean share. */
function strongestAt(averages: Averages, layer: number): Region {
  const meanAt = (region: Region): number => averages[region][layer]?.mean ?? Number.NEGATIVE_INFINITY;
  const others = regions.filter((region) => region !== "last token");
  return others.reduce((best, region) => (meanAt(region) > meanAt(best) ? region : best));
}

function plots(averages: Averages, layers: readonly number[]): ReportBlock[] {
  const present = regions.filter((region) => averages[region].some(({ mean }) => mean !== null));
  const means = (region: Region): number[] => averages[region].map(({ mean }) => mean ?? Number.NaN);
  return [
    {
      kind: "plot",
      plot: {
        kind: "heatmap",
        rows: present,
        columns: layers.map((layer) => `layer ${layer}`),
        values: present.map(means),
        numbers: layers.length <= 16,
      },
      caption: "Mean share of a token, by region of the prompt and layer.",
    },
    {
      kind: "plot",
      plot: {
        kind: "curves",
        series: present.map((region) => ({
          name: region,
          x: layers,
          y: means(region),
          errors: averages[region].map(({ standardError }) => standardError ?? 0),
        })),
        x: { label: "Layer", whole: true },
        y: { label: "Mean share of a token", min: 0 },
      },
      caption: "The same as curves.",
    },
  ];
}

function averagesTable(averages: Averages, layers: readonly number[]): ReportBlock {
  return {
    kind: "table",
    caption: "Mean share of a token ± standard error",
    columns: ["", "facts", ...layers.map((layer) => `layer ${layer}`)],
    rows: regions.map((region) => [
      region,
      String(averages[region][0]?.items ?? 0),
      ...averages[region].map(({ mean, standardError }) => `${shown(mean)} ± ${shown(standardError)}`),
    ]),
  };
}

function mapOf(
  { prompt, answer, foil, pTrue, pFalse, tokens, map }: TracedFact,
  layers: readonly number[],
): ReportBlock {
  return {
    kind: "plot",
    plot: {
      kind: "heatmap",
      rows: tokens.map((token) => token.trim()),
      columns: layers.map((layer) => `layer ${layer}`),
      values: map,
      numbers: layers.length <= 16,
    },
    caption: `“${prompt}”: p(${answer}) = ${shown(pTrue)}, p(${foil}) = ${shown(pFalse)}.`,
  };
}

const paper: readonly string[] = [
  "Sarti et al. (2023, Inseq, arXiv 2302.13942; Inseq's documentation's example “Locate Factual Knowledge in GPT-2”) " +
    "attribute p(true) − p(false) of CounterFact's answers to the feed-forward networks of GPT-2 XL, all 48 layers: the last token's " +
    "importance grows with depth, the subject's, above all of its last token, is greatest in middle layers, and relation words' in " +
    "middle to late ones, as causal tracing finds (Meng et al. 2022), at a fraction of its cost.",
  "This is a summary in our words of what the documentation's example says, not a quotation.",
  "Here the method is the same, for every layer in one pass. Its figures are not repeated: they hold for GPT-2 XL. With a folder or " +
    "name of a GPT-2 as --model and CounterFact as --data it runs on those.",
];
