import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ansi256,
  channels,
  colorFor,
  contrast,
  type HexColor,
  perceptualDistance,
  type Theme,
  textColorFor,
} from "../../src/render/colorScale.ts";

const themes: readonly Theme[] = ["light", "dark"];

function color(value: number, theme: Theme): HexColor {
  const found = colorFor(value, 1, theme);
  if (found === null) throw new Error(`no colour for ${value}`);
  return found;
}

describe.each(themes)("the colour scale on %s ground", (theme) => {
  test("has the page's colour at zero and no colour where a score does not apply", () => {
    expect(color(0, theme)).toBe(theme === "light" ? "#ffffff" : color(-0, theme));
    expect(colorFor(Number.NaN, 1, theme)).toBeNull();
    expect(colorFor(3, 0, theme)).toBe(color(0, theme));
  });

  test("is symmetric: a score and its negative are equally far from neutral, to the eye", () => {
    for (let step = 1; step <= 20; step++) {
      const [up, down] = [color(step / 20, theme), color(-step / 20, theme)];
      // 8-bit colours are rounded by up to about 0.003 in OKLab.
      expect(perceptualDistance(up, color(0, theme))).toBeCloseTo(perceptualDistance(down, color(0, theme)), 1.9);
    }
  });

  test("is even: equal steps of the score are equal steps for the eye, and the last is the farthest", () => {
    const neutral = color(0, theme);
    const end = perceptualDistance(color(1, theme), neutral);
    for (const sign of [1, -1]) {
      for (const share of [0.25, 0.5, 0.75]) {
        expect(perceptualDistance(color(sign * share, theme), neutral) / end).toBeCloseTo(share, 1);
      }
    }
    expect(end).toBeGreaterThan(0.4);
  });

  test("keeps the two signs apart under protanopia, deuteranopia and tritanopia", () => {
    for (const [name, matrix] of Object.entries(colorBlindness)) {
      const distance = perceptualDistance(seen(color(0.5, theme), matrix), seen(color(-0.5, theme), matrix));
      expect(distance, name).toBeGreaterThan(0.08);
    }
  });

  test("carries text of a contrast of at least 4.5 everywhere", () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 2, noNaN: true }), (value) => {
        const ground = color(value, theme);
        expect(contrast(textColorFor(ground, theme), ground)).toBeGreaterThanOrEqual(4.5);
      }),
    );
  });
});

test("scores beyond the maximum have the full colour", () => {
  expect(colorFor(7, 2, "light")).toBe(colorFor(2, 2, "light"));
  expect(colorFor(Number.NEGATIVE_INFINITY, 2, "light")).toBe(colorFor(-2, 2, "light"));
});

test("256-colour codes are exact for colours of the palette", () => {
  expect(ansi256("#000000")).toBe(16);
  expect(ansi256("#ffffff")).toBe(231);
  expect(ansi256("#ff8700")).toBe(208);
  expect(ansi256("#0000ff")).toBe(21);
  expect(ansi256("#808080")).toBe(244);
});

/** Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB. */
const colorBlindness = {
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

function seen(original: HexColor, matrix: readonly number[]): HexColor {
  const linear = channels(original).map((byte) => {
    const value = byte / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const bytes = [0, 1, 2].map((row) => {
    const value = linear.reduce((sum, channel, column) => sum + channel * (matrix[3 * row + column] ?? 0), 0);
    const clipped = Math.max(0, Math.min(1, value));
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  });
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
