/**
 * The header of a llama2.c checkpoint (https://github.com/karpathy/llama2.c, export.py), and where its tensors are.
 *
 *   version 0   seven int32: width, feed-forward width, layers, heads, key/value heads, vocabulary (negative where the output
 *               head is a matrix of its own), positions; then all tensors in float32, and tables of rotary positions
 *   version 1   "ak42", int32 1, the seven int32, one byte: whether the head is the embedding table; padded to 256 bytes;
 *               float32, the norms first
 *   version 2   as 1, with an int32 group size behind the byte; norms in float32, then every matrix as int8 numbers and
 *               float32 scales, one for each group of numbers ("Q8_0")
 *
 * The sizes say how long the file must be, to the byte: that is how a file of another format is recognised.
 */

import type { FileSource } from "../../files.ts";
import { elementCount } from "./dtype.ts";

export interface Llama2cHeader {
  /** 0, 1 or 2 */
  readonly version: number;
  readonly width: number;
  readonly feedForwardWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly tiedHead: boolean;
}

/** Where a tensor is. */
export interface Llama2cEntry {
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
  /** Numbers that share a scale, where they are int8; the scales follow them. */
  readonly group: number | undefined;
  /** Heads whose rotary pairs lie next to each other; Hugging Face's are half a head apart. */
  readonly rotaryHeads: number | undefined;
}

export interface Llama2cFile {
  readonly header: Llama2cHeader;
  /** By Hugging Face's names. */
  readonly entries: ReadonlyMap<string, Llama2cEntry>;
}

const MAGIC = 0x616b3432;
const PADDED = 256;

/** What a file holds, if it is a llama2.c checkpoint; else why it is none. */
export async function readLlama2cFile(files: FileSource, file: string): Promise<Llama2cFile | string> {
  const bytes = await files.size(file);
  if (bytes < PADDED) return `it has only ${bytes} bytes`;
  const view = new DataView((await files.read(file, 0, PADDED)).buffer);
  const marked = view.getUint32(0, true) === MAGIC;
  const version = marked ? view.getInt32(4, true) : 0;
  if (version !== 0 && version !== 1 && version !== 2) return `its version is ${version}; 0, 1 and 2 are known`;
  const sizes = Array.from({ length: 7 }, (_, i) => view.getInt32((marked ? 8 : 0) + 4 * i, true));
  const [width = 0, feedForwardWidth = 0, layers = 0, heads = 0, keyValueHeads = 0, vocabulary = 0, maxPositions = 0] =
    sizes;
  const tiedHead = marked ? view.getUint8(36) !== 0 : vocabulary > 0;
  const group = version === 2 ? view.getInt32(37, true) : undefined;
  const vocabSize = Math.abs(vocabulary);
  const header = { version, width, feedForwardWidth, layers, heads, keyValueHeads, vocabSize, maxPositions, tiedHead };
  const fits = width % heads === 0 && heads % keyValueHeads === 0 && (width / heads) % 2 === 0;
  if (![...sizes.with(5, vocabSize), group ?? 1].every((size) => size > 0 && size < 2 ** 24) || !fits)
    return `its sizes would be ${sizes.join(", ")}`;
  const { entries, end } = placesOf(header, marked ? PADDED : 28, group);
  if (end === bytes) return { header, entries };
  return `its sizes (${sizes.join(", ")}) ask for ${end} bytes, it has ${bytes}; it is truncated or of another format`;
}

/** The tensors in the order of the file. */
function placesOf(header: Llama2cHeader, start: number, group: number | undefined) {
  const { version, width: D, feedForwardWidth: F, layers, heads, keyValueHeads, vocabSize, maxPositions } = header;
  const K = (D / heads) * keyValueHeads;
  const entries = new Map<string, Llama2cEntry>();
  let end = start;
  const put = (name: string, shape: readonly number[], rotaryHeads?: number) => {
    const count = elementCount(shape);
    const grouped = shape.length === 2 ? group : undefined;
    const begin = end;
    end += grouped === undefined ? 4 * count : count + 4 * Math.ceil(count / grouped);
    entries.set(name, { shape, begin, end, group: grouped, rotaryHeads });
  };
  const each = (name: string, shape: readonly number[], rotaryHeads?: number) => {
    for (let layer = 0; layer < layers; layer++) put(`model.layers.${layer}.${name}.weight`, shape, rotaryHeads);
  };
  const tokens = () => put("model.embed_tokens.weight", [vocabSize, D]);
  const attentionNorms = () => each("input_layernorm", [D]);
  const attention = () => {
    each("self_attn.q_proj", [D, D], heads);
    each("self_attn.k_proj", [K, D], keyValueHeads);
    each("self_attn.v_proj", [K, D]);
    each("self_attn.o_proj", [D, D]);
  };
  const mlpNorms = () => each("post_attention_layernorm", [D]);
  const mlp = () => {
    each("mlp.gate_proj", [F, D]);
    each("mlp.down_proj", [D, F]);
    each("mlp.up_proj", [F, D]);
  };
  const finalNorm = () => put("model.norm.weight", [D]);
  const order =
    version === 0
      ? [tokens, attentionNorms, attention, mlpNorms, mlp, finalNorm]
      : [attentionNorms, mlpNorms, finalNorm, tokens, attention, mlp];
  for (const part of order) part();
  // Cosines and sines of the rotary positions, which follow from the sizes.
  if (version === 0) end += 4 * maxPositions * (D / heads);
  if (!header.tiedHead) put("lm_head.weight", [vocabSize, D]);
  return { entries, end };
}
