/** From values to pixels along an axis, with ticks at round numbers. */

import { OptionError } from "../../errors.ts";
import { typeset } from "../scoreText.ts";

/** What is said of an axis; its range is that of the values unless it is given. */
export interface Axis {
  readonly label?: string;
  readonly min?: number;
  readonly max?: number;
  /** Whether values are counts, so that there are no ticks between whole numbers. */
  readonly whole?: boolean;
  /** Linear by default. A logarithmic axis takes positive values only. */
  readonly scale?: "linear" | "log";
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Scale {
  /** The pixel of a value, relative to the axis' first end. */
  readonly at: (value: number) => number;
  readonly ticks: readonly Tick[];
}

/**
 * The scale of an axis over `pixels`, from its first end (0) to its last, with about one tick for each `spacing` pixels.
 * @throws OptionError when a logarithmic axis has a value that is not positive, or `min` is not below `max`
 */
export function scaleOf(values: readonly number[], axis: Axis, pixels: number, spacing = 64): Scale {
  const { scale = "linear", label = "" } = axis;
  const finite = [...values, ...[axis.min, axis.max].filter((end) => end !== undefined)].filter(Number.isFinite);
  const bad = scale === "log" ? finite.find((value) => value <= 0) : undefined;
  if (bad !== undefined) {
    throw new OptionError(`axis "${label}": expected positive values on a logarithmic scale, received ${bad}`);
  }
  const [low, high] = [axis.min ?? least(finite), axis.max ?? most(finite)];
  if (!(low <= high)) throw new OptionError(`axis "${label}": expected min below max, received ${low} and ${high}`);
  return scale === "log" ? logarithmic(low, high, axis, pixels, spacing) : linear(low, high, axis, pixels, spacing);
}

function linear(low: number, high: number, axis: Axis, pixels: number, spacing: number): Scale {
  const spread = high > low ? high - low : Math.abs(high) || 1;
  const wantedStep = spread / Math.max(2, Math.floor(pixels / spacing));
  const step = niceStep(axis.whole === true ? Math.max(1, wantedStep) : wantedStep);
  // An end that the caller chose is kept; others move out to the next tick.
  const start = axis.min ?? Math.floor(low / step + rounding) * step;
  const wanted = axis.max ?? Math.ceil(high / step - rounding) * step;
  const end = wanted > start ? wanted : start + step;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + rounding));
  const first = Math.ceil(start / step - rounding);
  const last = Math.floor(end / step + rounding);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    return { value, label: tickLabel(value, decimals, step) };
  });
  return { at: (value) => ((value - start) / (end - start)) * pixels, ticks };
}

function logarithmic(low: number, high: number, axis: Axis, pixels: number, spacing: number): Scale {
  // A little room at ends that the caller did not choose.
  const [start, end] = [Math.log10(axis.min ?? low / 1.3), Math.log10(axis.max ?? high * 1.3)];
  const decades = Math.ceil(end) - Math.floor(start);
  const few = decades * spacing > pixels / 2 ? [1] : [1, 2, 5];
  const stride = Math.max(1, Math.ceil((decades * spacing) / pixels));
  const ticks: Tick[] = [];
  for (let decade = Math.floor(start); decade <= Math.ceil(end); decade += stride) {
    for (const digit of few) {
      const value = digit * 10 ** decade;
      const place = Math.log10(value);
      if (place >= start - rounding && place <= end + rounding) ticks.push({ value, label: plain(value) });
    }
  }
  return { at: (value) => ((Math.log10(value) - start) / (end - start)) * pixels, ticks };
}

/** The smallest of 1, 2 and 5 times a power of ten that is not below `least`. */
function niceStep(leastStep: number): number {
  const power = 10 ** Math.floor(Math.log10(leastStep));
  return (([1, 2, 5, 10].find((digit) => digit * power >= leastStep * (1 - rounding)) ?? 10) as number) * power;
}

function tickLabel(value: number, decimals: number, step: number): string {
  if (Math.abs(value) < step / 2) return "0";
  return decimals > 5 || Math.abs(value) >= 1e6 ? plain(value) : typeset(value.toFixed(decimals));
}

function plain(value: number): string {
  const rounded = Number(value.toPrecision(6));
  const isLong = rounded !== 0 && (Math.abs(rounded) >= 1e6 || Math.abs(rounded) < 1e-4);
  return typeset(isLong ? rounded.toExponential() : String(rounded));
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), values[0] ?? 0);
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), values[0] ?? 1);

/** Steps are counted despite what binary fractions do to them. */
const rounding = 1e-9;
