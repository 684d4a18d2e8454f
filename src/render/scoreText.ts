/** Scores and names as text. */

/** How many decimals show two or three digits of the largest score of a view; null asks for powers of ten. */
export function decimalsFor(maxAbs: number): number | null {
  if (maxAbs === 0) return 2;
  if (!Number.isFinite(maxAbs) || maxAbs >= 1e5 || maxAbs < 1e-4) return null;
  if (maxAbs >= 1) return maxAbs >= 1000 ? 0 : maxAbs >= 10 ? 1 : 2;
  return 1 - Math.floor(Math.log10(maxAbs));
}

/** A score with that many decimals, or in powers of ten; empty for NaN. */
export function scoreText(value: number, decimals: number | null): string {
  if (Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  const text = decimals === null ? value.toExponential(1) : value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** The typographic form, with a true minus sign, for pages and figures. */
export function typeset(text: string): string {
  return text.replaceAll("-", "−");
}

/** A method's name as a title: `integrated_gradients` becomes `Integrated Gradients`. */
export function methodTitle(method: string | undefined): string {
  if (method === undefined || method === "") return "Attribution";
  return (
    properNames.get(method) ?? method.replaceAll("_", " ").replace(/(^| )\p{Ll}/gu, (letter) => letter.toUpperCase())
  );
}

const properNames: ReadonlyMap<string, string> = new Map([
  ["input_x_gradient", "Input × Gradient"],
  ["gradient_shap", "GradientSHAP"],
  ["deeplift", "DeepLIFT"],
  ["lime", "LIME"],
  ["reagent", "ReAGent"],
  ["context_cite", "ContextCite"],
  ["reagent", "ReAGent"],
  ["layer_deeplift", "Layer DeepLIFT"],
  ["layer_gradient_x_activation", "Layer Gradient × Activation"],
]);
