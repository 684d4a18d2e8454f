import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { Theme } from "../../src/render/colorScale.ts";
import { contrast } from "../../src/render/colorScale.ts";
import { type Plot, renderPlot } from "../../src/render/plot.ts";
import { mutedColor, seriesStyle, seriesStyles } from "../../src/render/svg/palette.ts";
import { scaleOf } from "../../src/render/svg/scale.ts";
import { hostileTokens } from "./cases.ts";
import { countElements } from "./wellFormed.ts";

const plots = {
  curves: {
    kind: "curves",
    x: { label: "share removed", min: 0, max: 1 },
    y: { label: "probability" },
    series: [
      { name: "random", x: [0, 0.5, 1], y: [0.9, 0.6, 0.1], errors: [0, 0.05, 0.02] },
      { name: "saliency", x: [0, 0.5, 1], y: [0.9, Number.NaN, 0.1] },
    ],
  },
  bars: {
    kind: "bars",
    names: ["random", "integrated gradients"],
    value: { label: "AUPRC" },
    series: [
      { name: "stories", values: [0.15, 0.33], errors: [0.02, 0.04] },
      { name: "translations", values: [-0.38, Number.NaN] },
    ],
  },
  scatter: {
    kind: "scatter",
    x: { label: "seconds", scale: "log" },
    series: [
      {
        name: "methods",
        points: [
          { x: 0.01, y: 0.3, label: "saliency", errorY: 0.1 },
          { x: 3, y: 0.9 },
        ],
      },
    ],
    lines: [{ from: [0.01, 0.2], to: [3, 1] }],
  },
  heatmap: {
    kind: "heatmap",
    rows: ["saliency", "random"],
    columns: ["Babam", "unuttu", "."],
    values: [
      [0.9, 0.1, 0],
      [-0.2, Number.NaN, 0.4],
    ],
    maxAbs: "row",
    numbers: true,
  },
} as const satisfies Record<string, Plot>;

test.each(Object.entries(plots))("plots look as they did: %s", async (kind, plot) => {
  for (const theme of ["light", "dark"] as const)
    await expect(renderPlot(plot, { title: kind, theme })).toMatchFileSnapshot(`snapshots/${kind}-${theme}.svg`);
});

test("plots are well-formed, whatever things are called", () => {
  const name = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostileTokens));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 9 }), name, (names, label) => {
      const ones = names.map(() => 1);
      const axes = { x: { label }, y: { label } };
      const drawn: Plot[] = [
        { kind: "curves", series: names.map((n) => ({ name: n, x: [0, 1], y: [2, 3] })), ...axes },
        { kind: "bars", names, series: names.map((n) => ({ name: n, values: ones })), value: { label } },
        { kind: "scatter", series: [{ name: label, points: names.map((n, x) => ({ x, y: x, label: n })) }], ...axes },
        { kind: "heatmap", rows: names, columns: names, values: names.map(() => ones) },
      ];
      for (const plot of drawn) expect(countElements(renderPlot(plot, { title: label }))).toBeGreaterThan(4);
    }),
    { numRuns: 8 },
  );
});

test("ticks are round, few, in order, and in the range that was chosen", () => {
  const ends = fc.tuple(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
  );
  fc.assert(
    fc.property(ends, fc.constantFrom<"linear" | "log">("linear", "log"), ([start, length], scale) => {
      // A range below a millionth of where it lies has hardly any numbers to put ticks at.
      const wide = Math.max(length, Math.abs(start) * 1e-6);
      const [low, high] = scale === "log" ? [length / 1e3, length] : [start, start + wide];
      const { at, ticks } = scaleOf([low, high], { scale, min: low, max: high }, 500);
      expect(ticks.length).toBeGreaterThan(1);
      expect(ticks.length).toBeLessThan(16);
      const places = ticks.map(({ value }) => at(value));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(Math.min(...places)).toBeGreaterThan(-0.01);
      expect(Math.max(...places)).toBeLessThan(500.01);
      expect(at(low)).toBeCloseTo(0, 6);
      expect(at(high)).toBeCloseTo(500, 6);
    }),
  );
});

test("an axis holds its values and starts at a tick", () => {
  const { at, ticks } = scaleOf([0.13, 0.87], {}, 400);
  expect(ticks.map(({ label }) => label)).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  expect([at(0), at(1)]).toEqual([0, 400]);
  expect(scaleOf([5, 5, 5], {}, 300).ticks.length).toBeGreaterThan(1);
});

test.each<Theme>(["light", "dark"])("series can be told apart and seen: %s", (theme) => {
  const ground = { light: "#ffffff", dark: "#191b21" } as const;
  const styles = Array.from({ length: 21 }, (_, i) => seriesStyle(i, theme));
  expect(new Set(styles.map(({ color, dash }) => color + dash)).size).toBe(21);
  // WCAG 2.2, 1.4.11: graphics.
  for (const { color } of styles) expect(contrast(color as `#${string}`, ground[theme])).toBeGreaterThanOrEqual(3);
});

describe("bad plots are refused", () => {
  const curve = { name: "a", x: [1, 2], y: [1, 2] };
  test.each<[string, Plot, RegExp]>([
    ["no series", { kind: "curves", series: [] }, /at least one series/],
    ["lengths", { kind: "curves", series: [{ ...curve, y: [1] }] }, /expected 2 values of "a", received 1/],
    ["errors", { kind: "curves", series: [{ ...curve, errors: [1] }] }, /expected 2 errors of "a", received 1/],
    [
      "bars",
      { kind: "bars", names: ["x"], series: [{ name: "a", values: [] }] },
      /expected 1 values of "a", received 0/,
    ],
    ["rows", { kind: "heatmap", rows: ["x"], columns: ["y"], values: [] }, /expected 1 lists of values/],
    [
      "zero on a logarithmic axis",
      { kind: "curves", series: [{ ...curve, x: [0, 1] }], x: { scale: "log" } },
      /positive/,
    ],
    ["ends", { kind: "curves", series: [curve], y: { min: 3, max: 1 } }, /min below max/],
  ])("%s", (_, plot, message) => {
    expect(() => renderPlot(plot)).toThrow(OptionError);
    expect(() => renderPlot(plot)).toThrow(message);
  });

  test("options", () => {
    expect(() => renderPlot(plots.bars, { width: 3 })).toThrow(/from 120 to 10000/);
    expect(() => renderPlot(plots.bars, { themes: "dark" } as never)).toThrow(/did you mean "theme"/);
  });
});

test("counts have ticks at whole numbers only", () => {
  for (const last of [1, 2, 3, 7, 47]) {
    const { ticks } = scaleOf([0, last], { whole: true }, 640);
    expect(
      ticks.every(({ value }) => Number.isInteger(value)),
      String(last),
    ).toBe(true);
    expect(ticks.every(({ label }) => /^\d+$/.test(label))).toBe(true);
  }
  expect(scaleOf([0, 3], {}, 640).ticks.some(({ value }) => !Number.isInteger(value))).toBe(true);
});

test("muted series are grey, differ from each other, and take no colour from the others", () => {
  for (const theme of ["light", "dark"] as const) {
    const [first, random, second, recency] = seriesStyles([{}, { muted: true }, {}, { muted: true }], theme);
    expect([first?.color, second?.color]).toEqual([seriesStyle(0, theme).color, seriesStyle(1, theme).color]);
    expect([random?.color, recency?.color]).toEqual([mutedColor(theme, 0), mutedColor(theme, 0)]);
    expect(random?.dash).not.toBe(recency?.dash);
    const names = ["saliency", "random"];
    const bars = renderPlot(
      { kind: "bars", names, muted: ["random"], series: [{ name: "s", values: [1, 2] }] },
      { theme },
    );
    expect(bars.match(/<rect [^>]*rx[^>]* fill="[^"]+"/g)?.map((bar) => bar.slice(-8, -1))).toEqual([
      seriesStyle(0, theme).color,
      mutedColor(theme, 0),
    ]);
  }
});
