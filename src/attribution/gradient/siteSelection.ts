/**
 * Which sites of a model a user means, by our names or by the names of modules in Hugging Face's models.
 *
 * Ours are `stack.layer.site`: `decoder.3.mlpOutput`, `encoder.*.blockOutput`, `decoder.*.cross.value`; `*` is every layer,
 * and a negative layer counts from the last one. Without a stack the decoder's is meant: `3.mlpOutput`.
 *
 * Paths of modules, as Inseq's `target_layer` has them, mean the output of a module of block i: the block itself
 * (`transformer.h[3]`, `model.encoder.layers.0`, `encoder.block[1]`), its feed-forward part (`….mlp`), its attention
 * (`….attn`), its cross-attention (`….encoder_attn`). What those modules give is what the sites have, before the residual sum.
 */

import { OptionError } from "../../errors.ts";
import type { Site, SiteName } from "../../model/sites.ts";

/** Sites that hold one vector for each token. */
const tokenSites = [
  "blockInput",
  "blockOutput",
  "mlpOutput",
  "attentionOutput",
  "headOutput",
  "value",
] as const satisfies readonly SiteName[];

export const isTokenSite = ({ name }: Site): boolean => (tokenSites as readonly SiteName[]).includes(name);

/** The name by which a site is asked for. */
export function nameOfSite({ stack, layer, attention, name }: Site): string {
  return [stack, layer, ...(attention === "cross" ? ["cross"] : []), name].join(".");
}

/**
 * The sites of one name, in order of layers.
 * @param available all sites that the model visits
 * @throws OptionError when the name is none of a site or module, or the model has no such layer
 */
export function selectSites(wanted: string, available: readonly Site[]): Site[] {
  const asked = parseOurs(wanted) ?? parseModule(wanted);
  const candidates = available.filter(
    ({ stack, attention, name }) =>
      asked !== undefined && stack === asked.stack && attention === asked.attention && name === asked.name,
  );
  const layers = candidates.length;
  const found = candidates.filter(
    ({ layer }) => asked?.layer === "*" || layer === asked?.layer || layer === layers + Number(asked?.layer),
  );
  if (found.length > 0) return found;
  const kinds = [...new Set(available.map((site) => nameOfSite({ ...site, layer: 0 }).replace(".0.", ".*.")))];
  throw new OptionError(
    `targetLayer: expected a site of the model (${kinds.join(", ")}; a layer in place of *) or the path of a block, its mlp ` +
      `or its attention, received "${wanted}"${layers > 0 ? `; there are ${layers} such layers, from 0` : ""}`,
  );
}

interface Asked extends Omit<Site, "layer"> {
  readonly layer: number | "*";
}

function parseOurs(wanted: string): Asked | undefined {
  const [, stack = "decoder", layer = "", cross, name = ""] =
    /^(?:(encoder|decoder)\.)?(\*|-?\d+)\.(?:(cross)\.)?(\w+)$/.exec(wanted) ?? [];
  const site = tokenSites.find((known) => known === name);
  if (site === undefined) return undefined;
  return {
    stack: stack as Site["stack"],
    layer: layer === "*" ? "*" : Number(layer),
    attention: cross === undefined ? "self" : "cross",
    name: site,
  };
}

/** What a module of a block is called in Hugging Face's models, and the site that has its output. */
const modules: readonly (readonly [pattern: RegExp, Pick<Site, "name" | "attention">])[] = [
  [/^$/, { name: "blockOutput", attention: "self" }],
  [
    /^(mlp|ffn|feed_forward|fc2|mlp\.c_proj|mlp\.down_proj|layer\.\d\.DenseReluDense)$/,
    { name: "mlpOutput", attention: "self" },
  ],
  [
    /^(attn|attention|self_attn|self_attention|attn\.attention|attn\.c_proj|self_attn\.o_proj|self_attn\.out_proj|layer\.0\.SelfAttention)$/,
    { name: "attentionOutput", attention: "self" },
  ],
  [
    /^(encoder_attn|cross_attention|encoder_attn\.out_proj|layer\.1\.EncDecAttention)$/,
    { name: "attentionOutput", attention: "cross" },
  ],
];

function parseModule(wanted: string): Asked | undefined {
  const path = wanted.replace(/\[(-?\d+)\]/g, ".$1");
  const [, before = "", layer = "", module = ""] =
    /^(.*?)\b(?:h|layers|layer|block|blocks)\.(-?\d+)(?:\.(.*))?$/.exec(path) ?? [];
  const site = layer === "" ? undefined : modules.find(([pattern]) => pattern.test(module))?.[1];
  if (site === undefined) return undefined;
  return { ...site, stack: /\bencoder\b/.test(before) ? "encoder" : "decoder", layer: Number(layer) };
}
