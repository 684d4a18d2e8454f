/** The scores of every method on a few items, below each other. */

import type { ReportBlock } from "../../render/report.ts";
import type { TaskOutcome } from "./outcome.ts";

/** Items at equal distances; players that are evidence are marked. */
export function exampleMaps({ evaluations, methods, items }: TaskOutcome, count: number): ReportBlock[] {
  const chosen = Array.from({ length: Math.min(count, items) }, (_, i) =>
    Math.floor((i * items) / Math.min(count, items)),
  );
  return chosen.flatMap((item): ReportBlock[] => {
    const own = evaluations.filter((one) => one.item === item);
    const [first] = own;
    if (first === undefined) return [];
    const evidence = new Set(first.evidence ?? []);
    const rows = methods.flatMap(({ method }) => {
      const one = own.find((evaluation) => evaluation.method === method);
      return one === undefined ? [] : [{ method, scores: one.scores }];
    });
    const { id, players } = first;
    return [
      {
        kind: "plot",
        title: `Item ${item + 1} of ${items}${id === null ? "" : `, id ${id}`}`,
        plot: {
          kind: "heatmap",
          rows: rows.map(({ method }) => method),
          columns: players.map(({ text }, p) => `${text.trim()}${evidence.has(p) ? " ◂" : ""}`),
          values: rows.map(({ scores }) => scores),
          maxAbs: "row",
        },
        caption:
          "Each row has its own scale: the full colour is its largest score." +
          (evidence.size > 0 ? " ◂ marks evidence." : ""),
      },
    ];
  });
}
