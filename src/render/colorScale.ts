/**
 * The colours of a score: a diverging scale, symmetric about zero, whose neutral point is the page itself.
 *
 * Both arms are straight lines in OKLab (Ottosson 2020, https://bottosson.github.io/posts/oklab/), a space in which equal
 * distances look equally different; they end at the same lightness and chroma, so a score and its negative are equally
 * strong to the eye. Blue against orange-red stays apart under the three common forms of colour blindness.
 */

export type Theme = "light" | "dark";

/** An opaque sRGB colour, `#rrggbb`. */
export type HexColor = `#${string}`;

type Triple = readonly [number, number, number];

/** Lightness, chroma, and hue in degrees, of OKLab in polar form. */
type LightnessChromaHue = Triple;

interface Arms {
  readonly neutral: LightnessChromaHue;
  readonly negative: LightnessChromaHue;
  readonly positive: LightnessChromaHue;
  /** The colour of text on neutral ground. */
  readonly ink: HexColor;
}

const arms: Readonly<Record<Theme, Arms>> = {
  light: { neutral: [1, 0, 0], negative: [0.53, 0.16, 255], positive: [0.53, 0.16, 33], ink: "#1d2129" },
  dark: { neutral: [0.215, 0.012, 265], negative: [0.69, 0.14, 250], positive: [0.69, 0.14, 40], ink: "#e4e6eb" },
};

/**
 * The background of a score: neutral at 0, the end of an arm at ±`maxAbs` and beyond. A scale with `maxAbs` 0 is neutral
 * everywhere.
 * @returns null for NaN, which means "does not apply" and has no colour.
 */
export function colorFor(value: number, maxAbs: number, theme: Theme): HexColor | null {
  if (Number.isNaN(value)) return null;
  const { neutral, negative, positive } = arms[theme];
  const strength = relativeStrength(value, maxAbs);
  const from = polarToLab(neutral);
  const to = polarToLab(strength < 0 ? negative : positive);
  return labToHex(mapTriple((axis) => from[axis] + Math.abs(strength) * (to[axis] - from[axis])));
}

/** `value / maxAbs`, limited to [-1, 1]; 0 where the scale is empty. */
export function relativeStrength(value: number, maxAbs: number): number {
  if (!(maxAbs > 0) || Number.isNaN(value)) return 0;
  return Math.max(-1, Math.min(1, value / maxAbs));
}

/** The colour of text on `background`: the theme's ink where it is easy to read, otherwise the better of black and white. */
export function textColorFor(background: HexColor, theme: Theme): HexColor {
  const { ink } = arms[theme];
  if (contrast(ink, background) >= comfortableContrast) return ink;
  return contrast("#000000", background) > contrast("#ffffff", background) ? "#000000" : "#ffffff";
}

/** What WCAG 2 (level AA) asks of ordinary text. */
const comfortableContrast = 4.5;

/** The contrast ratio of two colours, 1 to 21, as WCAG 2 defines it. */
export function contrast(a: HexColor, b: HexColor): number {
  const lighter = Math.max(luminance(a), luminance(b));
  const darker = Math.min(luminance(a), luminance(b));
  return (lighter + 0.05) / (darker + 0.05);
}

/** The nearest colour (in OKLab) among the fixed ones of 256-colour terminals: the 6x6x6 cube and the greys. */
export function ansi256(color: HexColor): number {
  const wanted = hexToLab(color);
  let best = 16;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [index, lab] of terminalColors.entries()) {
    const distance = (lab[0] - wanted[0]) ** 2 + (lab[1] - wanted[1]) ** 2 + (lab[2] - wanted[2]) ** 2;
    if (distance < bestDistance) [best, bestDistance] = [16 + index, distance];
  }
  return best;
}

/** Red, green and blue, 0 to 255. */
export function channels(color: HexColor): Triple {
  const bits = Number.parseInt(color.slice(1), 16);
  return [bits >> 16, (bits >> 8) & 255, bits & 255];
}

/** The distance of two colours in OKLab; about 0.02 is just noticeable. */
export function perceptualDistance(a: HexColor, b: HexColor): number {
  const [labA, labB] = [hexToLab(a), hexToLab(b)];
  return Math.hypot(labA[0] - labB[0], labA[1] - labB[1], labA[2] - labB[2]);
}

function luminance(color: HexColor): number {
  const [red, green, blue] = channels(color);
  return 0.2126 * toLinear(red / 255) + 0.7152 * toLinear(green / 255) + 0.0722 * toLinear(blue / 255);
}

function mapTriple(value: (axis: 0 | 1 | 2) => number): Triple {
  return [value(0), value(1), value(2)];
}

function polarToLab([lightness, chroma, hue]: LightnessChromaHue): Triple {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

function labToHex([lightness, a, b]: Triple): HexColor {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ];
  const bytes = linear.map((value) => Math.round(255 * toGamma(Math.max(0, Math.min(1, value)))));
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function hexToLab(color: HexColor): Triple {
  const [red, green, blue] = mapTriple((axis) => toLinear(channels(color)[axis] / 255));
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const middle = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short,
  ];
}

/** The transfer function of sRGB (IEC 61966-2-1) and its inverse. */
function toLinear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function toGamma(value: number): number {
  return value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
}

/** Colours 16 to 255 of xterm's palette. */
const terminalColors: readonly Triple[] = Array.from({ length: 240 }, (_, index) => {
  const steps = [0, 95, 135, 175, 215, 255];
  const cube = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((step) => steps[step] ?? 0);
  const bytes = index < 216 ? cube : Array<number>(3).fill(8 + 10 * (index - 216));
  return hexToLab(`#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`);
});
