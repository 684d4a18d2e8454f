/** The runner on the demo models: records, floors, removal operators, bad input. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { type Evaluation, evaluate } from "../../src/evaluate/evaluate.ts";
import { unfitItems } from "../../src/evaluate/fit.ts";
import type { EvaluationItem } from "../../src/evaluate/item.ts";
import { compareMethods, summarize } from "../../src/evaluate/summary.ts";
import { loadModel } from "../../src/loadModel.ts";
import { tasks } from "../support/groundTruth.ts";

const [, translations] = tasks(40, 40);
const items = translations.items.slice(0, 2) as EvaluationItem[];
let model: AttributionModel;
beforeAll(async () => {
  model = await loadModel(translations.folder);
});
afterAll(() => model.dispose());

const resultOf = ({ results }: Evaluation, metric: string): number | null | undefined =>
  results.find((one) => one.metric === metric)?.value;

describe("evaluate", () => {
  it("gives a record for each item and method, with a result for each metric and way of removing", async () => {
    const told: string[] = [];
    const records = await evaluate(model, items, {
      methods: ["random", "leave_one_out", { name: "ig", method: "integrated_gradients", options: { nSteps: 5 } }],
      metrics: ["auprc", "aopc_comprehensiveness"],
      removal: ["mean", "delete"],
      onEvaluation: ({ item, method }) => void told.push(`${item} ${method}`),
    });
    expect(told).toEqual(items.flatMap((_, i) => ["random", "leave_one_out", "ig"].map((name) => `${i} ${name}`)));
    expect(records.map(({ results }) => results.map(({ metric, removal }) => `${metric} ${removal}`))).toEqual(
      records.map(() => ["auprc null", "aopc_comprehensiveness mean", "aopc_comprehensiveness delete"]),
    );
    for (const { players, scores, evidence, cost } of records) {
      expect(scores).toHaveLength(players.length);
      expect(evidence?.length).toBeGreaterThan(0);
      expect(cost.seconds).toBeGreaterThanOrEqual(0);
    }
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
    const table = summarize(records);
    expect(table).toHaveLength(9);
    expect(table.every(({ items: n, standardError }) => n === 2 && standardError !== null)).toBe(true);
  });

  it("gives the same numbers again, and only those that are not skipped", async () => {
    const options = { methods: ["random", "saliency"], metrics: ["aopc_sufficiency"], removal: "resample" } as const;
    const whole = await evaluate(model, items, options);
    const rest = await evaluate(model, items, {
      ...options,
      skip: (item, method) => item === 0 || method === "random",
    });
    const bare = (records: readonly Evaluation[]) => records.map(({ cost: _, ...record }) => record);
    expect(bare(rest)).toEqual(bare(whole).filter(({ item, method }) => item === 1 && method === "saliency"));
  });

  it("counts what leave-one-out costs, whatever metrics have asked before", async () => {
    const options = { methods: ["random", "leave_one_out"], removal: "mean" } as const;
    const [alone, after] = await Promise.all(
      (["top_1", "leave_one_out_correlation"] as const).map(async (metric) => {
        const [, record] = await evaluate(model, items.slice(0, 1), { ...options, metrics: [metric] });
        return record;
      }),
    );
    expect(after?.cost.forwards).toBe((after?.players.length ?? 0) + 1);
    expect(after?.cost.forwards).toBe(alone?.cost.forwards);
    expect(after?.scores).toEqual(alone?.scores);
  });

  it("measures no loss where nothing of the method's top is removed, and leaves the model as it was", async () => {
    const [record] = await evaluate(model, items.slice(0, 1), {
      methods: ["recency"],
      metrics: [{ name: "all kept", metric: "sufficiency", options: { shares: [1] } }],
    });
    expect(record && resultOf(record, "all kept")).toBeCloseTo(0, 6);
  });

  it("compares methods in pairs: no method differs from itself", async () => {
    const records = await evaluate(model, items, { methods: ["recency", "leave_one_out"] });
    const column = { metric: "aopc_comprehensiveness", removal: "mean" } as const;
    expect(compareMethods(records, ["recency", "recency"], column)).toEqual({ mean: 0, standardError: 0, items: 2 });
    const { mean } = compareMethods(records, ["leave_one_out", "recency"], column);
    const means = summarize(records).filter(({ metric }) => metric === column.metric);
    expect(mean).toBeCloseTo((means[1]?.mean ?? 0) - (means[0]?.mean ?? 0), 12);
  });
});

describe("evaluate refuses", () => {
  const [item] = items as [EvaluationItem];
  const { evidence: _, ...withoutEvidence } = item;
  it.each([
    ["evidence outside the text", [{ ...item, evidence: [[0, 1000]] }], {}, /item 0: expected evidence as spans/],
    ["no evidence for a metric that needs it", [withoutEvidence], { metrics: ["auprc"] }, /expected evidence in every/],
    ["a foil that is the target", [{ ...item, foil: item.target }], {}, /expected a foil with another token/],
    ["an unknown metric", [item], { metrics: ["auprx"] }, /did you mean "auprc"/],
    ["an unknown method", [item], { methods: ["salience"] }, /did you mean "saliency"/],
    ["a method that scores no tokens", [item], { methods: ["logit_lens"] }, /unknown attribution method "logit_lens"/],
    ["an unknown removal", [item], { removal: "men" }, /did you mean "mean"/],
    ["a removal that the tokenizer has no token for", [item], { removal: "mask" }, /token for "mask"/],
    ["an unknown option", [item], { method: ["saliency"] }, /did you mean "methods"/],
    [
      "an unknown option of a metric",
      [item],
      { metrics: [{ name: "x", metric: "auprc", options: { shares: [1] } }] },
      /no/,
    ],
    [
      "a share above one",
      [item],
      { metrics: [{ name: "x", metric: "sufficiency", options: { shares: [2] } }] },
      /share/,
    ],
    ["two methods of one name", [item], { methods: ["random", "random"] }, /different names/],
    [
      "options of a floor",
      [item],
      { methods: [{ name: "r", method: "random", options: { nSteps: 2 } }] },
      /no options/,
    ],
    [
      "a contrast without a foil",
      [{ ...item, foil: undefined }],
      { explained: { attributedFn: "pcxmi" } },
      /expected a foil/,
    ],
  ])("%s", async (_name, wrong, options, message) => {
    await expect(evaluate(model, wrong as EvaluationItem[], options as object)).rejects.toThrow(message);
  });

  it("what unfitItems tells beforehand", async () => {
    const long = "Genç kadın. ".repeat(300);
    const wrong: EvaluationItem[] = [
      { ...item, foil: item.target },
      item,
      { id: "long", input: long, target: item.target },
      { ...item, evidence: [[0, 1000]] },
    ];
    const unfit = await unfitItems(model, wrong, { removal: ["mean", "delete"] });
    expect(unfit.map((one) => one.item)).toEqual([0, 2, 3]);
    for (const { item: at, reason } of unfit) {
      await expect(evaluate(model, wrong.slice(at, at + 1))).rejects.toThrow(reason.replace(`item ${at}`, "item 0"));
    }
    expect(unfit[1]?.reason).toMatch(/^item 2 \("long"\): .*expected at most \d+ tokens/);
  });

  it("to go on when it is told to stop", async () => {
    const control = new AbortController();
    const onEvaluation = () => control.abort(new Error("enough"));
    await expect(evaluate(model, items, { onEvaluation, signal: control.signal })).rejects.toThrow("enough");
  });
});
