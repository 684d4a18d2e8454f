/**
 * Gender bias in machine translation, after Sarti et al. 2023 ("Inseq", arXiv 2302.13942).
 *
 * Turkish "O bir hemşire." is "She is a nurse." or "He is a nurse.": the pronoun has no gender, so nothing but the
 * profession can make the model choose. For each profession: p(she) and p(he) as the translation's first token,
 * integrated gradients of p(she), of p(he) and of their difference for the pronoun and the profession, and how all these
 * go with the share of women in that profession.
 */

import { resolve } from "node:path";
import { bootstrapInterval, type Interval } from "../../src/evaluate/bootstrap.ts";
import { coefficients, correlation } from "../../src/evaluate/correlation.ts";
import { UnsupportedError } from "../../src/index.ts";
import type { ReportBlock, ReportSection } from "../../src/render/report.ts";
import { readOccupations } from "./occupations.ts";
import { functions, measureChoice, type PronounChoice, sentence } from "./pronounChoice.ts";
import {
  mean,
  type Outcome,
  paragraph,
  type Reproduction,
  type ReproductionOptions,
  shown,
  shownInterval,
} from "./reproduction.ts";

export const genderBias: Reproduction = {
  title: "Gender bias in machine translation",
  model: "models/demo/translation-marian",

  async run(model, options) {
    if (model.model.kind !== "encoder-decoder") {
      throw new UnsupportedError(`gender-bias: expected a translation model, but ${model.name} is decoder-only`);
    }
    const all = readOccupations(options.data ?? new URL("occupations.tsv", import.meta.url));
    const occupations = all.slice(0, options.limit);
    const translations = await model.generate(occupations.map(({ turkish }) => sentence(turkish)));
    const items: PronounChoice[] = [];
    for (const [i, occupation] of occupations.entries()) {
      options.onProgress?.(i, occupations.length);
      items.push(await measureChoice(model, occupation, translations[i] ?? "", options.steps));
    }
    options.onProgress?.(occupations.length, occupations.length);
    const isBundled = options.data === undefined && resolve(model.name) === resolve(genderBias.model);
    return describe(items, isBundled, options);
  },
};

/** Everything that is set beside the share of women. */
const quantities: Readonly<Record<string, (item: PronounChoice) => number>> = {
  "p(she)": ({ pShe }) => pShe,
  "p(she) − p(he)": ({ pShe, pHe }) => pShe - pHe,
  ...Object.fromEntries(
    functions.flatMap((name) =>
      (["pronoun", "profession"] as const).map((word) => [
        `attribution of the ${word}, ${name}`,
        (item: PronounChoice) => item.signed[name][word],
      ]),
    ),
  ),
  ...Object.fromEntries(
    (["pronoun", "profession"] as const).map((word) => [
      `share of the ${word}, p(she) − p(he)`,
      (item: PronounChoice) => item.shares["p(she) − p(he)"][word],
    ]),
  ),
};

function describe(
  items: readonly PronounChoice[],
  isBundled: boolean,
  { seed, steps, data }: ReproductionOptions,
): Outcome {
  const correlations = Object.fromEntries(
    Object.entries(quantities).map(([name, of]) => [name, correlationsOf(items, of, seed)]),
  );
  const majority = items.filter(({ femaleShare }) => femaleShare !== 50);
  const followsMajority = majority.filter(({ pShe, pHe, femaleShare }) => pShe > pHe === femaleShare > 50).length;
  const written = { she: 0, he: 0, other: 0 };
  for (const { translation: text } of items) {
    written[/\bshe\b/i.test(text) ? "she" : /\bhe\b/i.test(text) ? "he" : "other"]++;
  }
  const largestGap = Math.max(...items.map(({ gap }) => gap));
  const means = Object.fromEntries(
    functions.map((name) => [
      name,
      Object.fromEntries(
        (["pronoun", "profession", "rest"] as const).map((word) => [
          word,
          {
            signed: mean(items.map((item) => item.signed[name][word])),
            size: mean(items.map((item) => Math.abs(item.signed[name][word]))),
            share: mean(items.map((item) => item.shares[name][word])),
          },
        ]),
      ),
    ]),
  );
  const meanPShe = mean(items.map(({ pShe }) => pShe));
  const meanPHe = mean(items.map(({ pHe }) => pHe));
  const meanShare = mean(items.map(({ femaleShare }) => femaleShare / 100));
  const summary = [
    `Correlation of p(she) with the share of women in ${items.length} professions: ${inWords(correlations["p(she)"])}.`,
    `Correlation of the profession's attribution to p(she) − p(he) with that share: ` +
      `${inWords(correlations["attribution of the profession, p(she) − p(he)"])}.`,
  ];
  const sections: ReportSection[] = [
    { heading: "What the paper does", blocks: [...paper, sourceOf(data)].map(paragraph) },
    {
      heading: "What came out here",
      blocks: [
        ...summary.map(paragraph),
        paragraph(
          `The model prefers the pronoun of the profession's majority in ${followsMajority} of ${majority.length} professions; ` +
            `free to write, it writes "she" ${written.she} times, "he" ${written.he} times, neither ${written.other} times. ` +
            `Mean p(she) ${shown(meanPShe)}, mean p(he) ${shown(meanPHe)}; mean share of women ${shown(meanShare)}.`,
        ),
        paragraph(
          "Intervals are 95 % percentile intervals of 1000 resamples of the professions. The scores of each sentence add up to " +
            `f(x) − f(x′) within ${largestGap.toExponential(1)} (integrated gradients, ${steps} steps).`,
        ),
        ...(isBundled ? [paragraph(bundled)] : []),
        ...plots(items),
        {
          kind: "table",
          caption: "Correlation with the share of women",
          columns: ["", "Kendall τ", "Spearman ρ", "Pearson r"],
          rows: Object.entries(correlations).map(([name, of]) => [
            name,
            ...coefficients.map((coefficient) => shownInterval(of[coefficient])),
          ]),
        },
        {
          kind: "table",
          caption: "Attribution of the words, means over the professions",
          columns: ["", ...functions.flatMap((name) => [`${name}: signed`, "absolute", "share of lengths"])],
          rows: (["pronoun", "profession", "rest"] as const).map((word) => [
            word === "pronoun" ? "O" : word === "rest" ? "the rest" : word,
            ...functions.flatMap((name) => {
              const of = means[name]?.[word];
              return [shown(of?.signed ?? null), shown(of?.size ?? null), shown(of?.share ?? null)];
            }),
          ]),
        },
      ],
    },
    {
      heading: "All professions",
      blocks: [
        {
          kind: "table",
          columns: ["", "women, %", "p(she)", "p(he)", "O → p(she) − p(he)", "profession → p(she) − p(he)", "written"],
          rows: items.map((item) => [
            `${item.turkish} (${item.english})`,
            shown(item.femaleShare, 1),
            shown(item.pShe),
            shown(item.pHe),
            shown(item.signed["p(she) − p(he)"].pronoun),
            shown(item.signed["p(she) − p(he)"].profession),
            item.translation,
          ]),
        },
      ],
    },
  ];
  const figures = {
    professions: items.length,
    correlations: Object.fromEntries(
      Object.entries(correlations).map(([name, of]) => [
        name,
        Object.fromEntries(coefficients.map((one) => [one, { ...of[one] }])),
      ]),
    ),
    followsMajority: { count: followsMajority, of: majority.length },
    written,
    meanPShe,
    meanPHe,
    meanShare,
    means,
    largestGap,
    steps,
  };
  const records = items.map((item) => ({
    ...item,
    signed: plain(item.signed),
    shares: plain(item.shares),
  }));
  return { figures, items: records, sections, summary };
}

type Correlations = Readonly<Record<(typeof coefficients)[number], Interval>>;

function correlationsOf(
  items: readonly PronounChoice[],
  of: (item: PronounChoice) => number,
  seed: number,
): Correlations {
  const pairs = items.map((item) => [item.femaleShare, of(item)] as const);
  const interval = (coefficient: (typeof coefficients)[number]): Interval =>
    bootstrapInterval(
      pairs,
      (some) =>
        correlation(
          some.map(([share]) => share),
          some.map(([, value]) => value),
          coefficient,
        ),
      { seed },
    );
  return { kendall: interval("kendall"), spearman: interval("spearman"), pearson: interval("pearson") };
}

function inWords(of: Correlations | undefined): string {
  if (of === undefined) return "none";
  return `τ ${shownInterval(of.kendall)}, ρ ${shownInterval(of.spearman)}, r ${shownInterval(of.pearson)}`;
}

function plots(items: readonly PronounChoice[]): ReportBlock[] {
  const women = { label: "Share of women in the profession", min: 0, max: 1 };
  const points = (of: (item: PronounChoice) => number) =>
    items.map((item) => ({ x: item.femaleShare / 100, y: of(item), label: item.english }));
  const attributed = (word: "pronoun" | "profession") => points((item) => item.signed["p(she) − p(he)"][word]);
  return [
    {
      kind: "plot",
      plot: {
        kind: "scatter",
        series: [{ name: "p(she)", points: points(({ pShe }) => pShe) }],
        x: women,
        y: { label: "p(she)", min: 0, max: 1 },
        lines: [{ from: [0, 0], to: [1, 1] }],
      },
      caption: "p(she) and the labour market. On the dashed line both are equal.",
      height: 460,
    },
    {
      kind: "plot",
      plot: {
        kind: "scatter",
        series: [
          { name: "profession", points: attributed("profession") },
          { name: "O", points: attributed("pronoun").map(({ x, y }) => ({ x, y })) },
        ],
        x: women,
        y: { label: "Attribution to p(she) − p(he)" },
        lines: [{ from: [0, 0], to: [1, 0] }],
      },
      caption:
        "What makes the model choose: integrated gradients of p(she) − p(he). Above 0 a word speaks for she, below for he.",
      height: 460,
    },
  ];
}

/** Named scores as plain JSON. */
const plain = (scores: PronounChoice["signed"]) =>
  Object.fromEntries(functions.map((name) => [name, { ...scores[name] }]));

const paper: readonly string[] = [
  "Sarti, Feldhus, Sickert and van der Wal (2023, Inseq, arXiv 2302.13942) show their toolkit on gender bias: an " +
    "OPUS-MT model translates Turkish sentences about people with gender-neutral pronouns into English, where it must choose " +
    "he or she; the attributions of the pronoun and of the occupation are compared with what is known of the labour market.",
  "This is a summary in our words, not a quotation, and no figure of the paper's has been checked against its text.",
  "The same quantities are computed here. The paper's tables hold for its model, Helsinki-NLP/opus-mt-tr-en, and are not " +
    "repeated: run this with --model Helsinki-NLP/opus-mt-tr-en to set figures beside them.",
];

const sourceOf = (data: string | undefined): string =>
  data === undefined
    ? "The shares of women are those of the US Bureau of Labor Statistics of 2015/16, as the Winogender schemas have them."
    : `The shares of women are those of ${data}.`;

const bundled =
  "The bundled model was trained on translations whose pronouns were drawn with these very shares, on purpose " +
  "(models/demo/README.md), and nearly all of these sentences are among them: that p(she) follows the shares is no finding " +
  "about the world. The experiment shows whether attribution finds the word that carries a bias of known size.";
