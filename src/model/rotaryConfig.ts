/**
 * The rotary part of `config.json`: `rope_theta` with `rope_scaling` (transformers 4), or `rope_parameters` that holds
 * both (transformers 5). Defaults and derived values are those of Hugging Face's `modeling_rope_utils.py`.
 */

import { ConfigError } from "../errors.ts";
import { describeJson, isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { RotaryConfig, RotaryScaling } from "../ops/rotaryFrequencies.ts";
import { type ConfigSpec, strictConfig } from "./config.ts";
import { choice, type Field, flag, json, number, orNull, size } from "./configField.ts";

const DEFAULT_THETA = 10000;
const types = ["default", "linear", "dynamic", "yarn", "longrope", "llama3"] as const;

/** The attributes that an architecture with rotary positions adds to its fields. */
export const rotaryFields = {
  ropeTheta: orNull(positive("rope_theta")),
  ropeScaling: orNull(json("rope_scaling")),
  ropeParameters: orNull(json("rope_parameters")),
  originalMaxPositions: orNull(size("original_max_position_embeddings")),
};

export interface RotaryAttributes {
  readonly ropeTheta: number | null;
  readonly ropeScaling: Json | null;
  readonly ropeParameters: Json | null;
  readonly originalMaxPositions: number | null;
  /** `max_position_embeddings` */
  readonly maxPositions: number;
  /** K */
  readonly headWidth: number;
  /** θ where the config has none; 10,000 for most families. */
  readonly publishedTheta?: number;
  /**
   * Of architectures that turn only a part of every head: `partial_rotary_factor` where it stands beside the rotary
   * parameters (null: absent), and the published share.
   */
  readonly partial?: { readonly factor: number | null; readonly published: number };
}

/** Field `partial_rotary_factor`, for architectures that turn only a part of every head. */
export const partialFactor: Field<number | null> = orNull(positive("partial_rotary_factor"));

/**
 * θ and the scaling of a model.
 * @throws ConfigError for an unknown type or attribute, a value that makes no sense, and contradictions.
 */
export function readRotary(model: string, attributes: RotaryAttributes): RotaryConfig {
  const { ropeTheta } = attributes;
  const raw = parameters(attributes);
  const headWidth = turnedWidth(attributes, raw.partial_rotary_factor ?? null);
  const { type } = strictConfig(raw, {
    model,
    fields: { type: choice(["rope_type", "type"], types, "default") },
    ignored: ["*"],
  });
  const read = <Values>(fields: ConfigSpec<Values>["fields"]): Values =>
    strictConfig(raw, {
      model: `${model} (its rotary positions of type ${type})`,
      fields,
      ignored: ["type", "rope_type", "rope_theta"],
      onlyIf: { partial_rotary_factor: attributes.partial === undefined ? [1] : [raw.partial_rotary_factor ?? null] },
    });
  const scaling = readScaling(type, read, { ...attributes, headWidth });
  const { publishedTheta = DEFAULT_THETA } = attributes;
  const theta = positive("rope_theta").accept(raw.rope_theta ?? ropeTheta ?? publishedTheta);
  if (theta === undefined || (ropeTheta !== null && theta !== ropeTheta)) {
    throw new ConfigError(
      `rope_theta: expected one positive number, received ${ropeTheta} and, among the rotary parameters, ` +
        `${describeJson(raw.rope_theta ?? null)}`,
    );
  }
  return { headWidth, theta, scaling };
}

/** R, how many numbers of a head are turned. */
function turnedWidth({ headWidth, partial }: RotaryAttributes, inside: Json): number {
  if (partial === undefined) return even("head_dim", headWidth);
  const { factor, published } = partial;
  if (factor !== null && inside !== null && factor !== inside) {
    throw new ConfigError(
      `partial_rotary_factor: ${factor} contradicts ${describeJson(inside)} among the rotary parameters`,
    );
  }
  const share = factor ?? inside ?? published;
  if (typeof share !== "number" || !(share > 0 && share <= 1)) {
    throw new ConfigError(
      `partial_rotary_factor: expected a number above 0, at most 1, received ${describeJson(share)}`,
    );
  }
  return even("head_dim times partial_rotary_factor", Math.trunc(headWidth * share));
}

function even(name: string, width: number): number {
  if (width % 2 === 0 && width > 0) return width;
  throw new ConfigError(`${name}: expected an even number, as rotary positions turn pairs, received ${width}`);
}

type Read = <Values>(fields: ConfigSpec<Values>["fields"]) => Values;

function readScaling(type: (typeof types)[number], read: Read, attributes: RotaryAttributes): RotaryScaling {
  const { maxPositions, headWidth } = attributes;
  const factor = positive("factor");
  const original = size("original_max_position_embeddings", maxPositions);
  /** The attribute beside `rope_scaling` counts more than the one inside. */
  const originalOf = (inside: number) => attributes.originalMaxPositions ?? inside;
  switch (type) {
    case "default":
      read({});
      return { type };
    case "linear":
      return { type, ...read({ factor }) };
    case "dynamic":
      if (headWidth === 2) throw new ConfigError("head_dim: expected more than 2 with dynamic rotary positions");
      return { type, maxPositions, ...read({ factor }) };
    case "llama3": {
      const fields = {
        factor,
        lowFrequencyFactor: positive("low_freq_factor"),
        highFrequencyFactor: positive("high_freq_factor"),
      };
      const { inside, ...values } = read({ ...fields, inside: original });
      return { type, ...values, originalMaxPositions: originalOf(inside) };
    }
    case "yarn": {
      const values = read({
        factor: orNull(factor),
        attentionFactor: orNull(positive("attention_factor")),
        betaFast: orNull(positive("beta_fast")),
        betaSlow: orNull(positive("beta_slow")),
        mscale: orNull(number("mscale")),
        mscaleAllDim: orNull(number("mscale_all_dim")),
        truncate: flag("truncate", true),
        inside: original,
      });
      const originalMaxPositions = originalOf(values.inside);
      const stretch = values.factor ?? maxPositions / originalMaxPositions;
      return {
        type,
        factor: stretch,
        originalMaxPositions,
        attentionFactor: values.attentionFactor ?? yarnAttentionFactor(stretch, values.mscale, values.mscaleAllDim),
        betaFast: values.betaFast ?? 32,
        betaSlow: values.betaSlow ?? 1,
        truncate: values.truncate,
      };
    }
    case "longrope": {
      const { inside, ...values } = read({
        factor: orNull(factor),
        attentionFactor: orNull(positive("attention_factor")),
        shortFactor: divisors("short_factor", headWidth / 2),
        longFactor: divisors("long_factor", headWidth / 2),
        inside: original,
      });
      const originalMaxPositions = originalOf(inside);
      const stretch = values.factor ?? maxPositions / originalMaxPositions;
      const attentionFactor = values.attentionFactor ?? longropeAttentionFactor(stretch, originalMaxPositions);
      const { shortFactor, longFactor } = values;
      return { type, shortFactor, longFactor, originalMaxPositions, attentionFactor };
    }
  }
}

/** 0.1 m ln(s) + 1 (Peng et al. 2023, eq. 22), or the ratio of two of these with the two values of m. */
function yarnAttentionFactor(factor: number, mscale: number | null, mscaleAllDim: number | null): number {
  const magnitude = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  // Zero counts as absent in the reference.
  return mscale && mscaleAllDim ? magnitude(mscale) / magnitude(mscaleAllDim) : magnitude(1);
}

/** √(1 + ln(s) / ln(M₀)) (Ding et al. 2024) */
function longropeAttentionFactor(factor: number, originalMaxPositions: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
}

/** The object with the parameters, whichever of the two attributes has it. */
function parameters({ ropeScaling, ropeParameters }: RotaryAttributes): JsonObject {
  if (
    ropeScaling !== null &&
    ropeParameters !== null &&
    JSON.stringify(ropeScaling) !== JSON.stringify(ropeParameters)
  ) {
    throw new ConfigError(
      `rope_scaling: ${describeJson(ropeScaling)} contradicts rope_parameters: ${describeJson(ropeParameters)}`,
    );
  }
  const value = ropeScaling ?? ropeParameters ?? {};
  if (isJsonObject(value)) return value;
  throw new ConfigError(`rope_scaling: expected an object, received ${describeJson(value)}`);
}

/** A number above zero. */
function positive(name: string, fallback?: number): Field<number> {
  const accept = (value: Json) => (typeof value === "number" && value > 0 ? value : undefined);
  return { names: [name], expected: "a positive number", accept, fallback };
}

/** One positive number for each pair. */
function divisors(name: string, pairs: number): Field<readonly number[]> {
  const accept = (value: Json) =>
    Array.isArray(value) && value.length === pairs && value.every((x) => typeof x === "number" && x > 0)
      ? (value as readonly number[])
      : undefined;
  return { names: [name], expected: `a list of ${pairs} positive numbers`, accept, fallback: undefined };
}
