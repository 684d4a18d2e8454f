/**
 * Small random models of Python's transformers: test/golden/variants, made by make_variants.py, which describes them.
 *
 * Their weights are hashes of names and places, made here again.
 */

import { readdirSync, readFileSync } from "node:fs";
import { loadArchitecture } from "../../models/load.ts";
import { type FileSource, filesFromMemory } from "../../src/files.ts";
import type { JsonObject } from "../../src/json.ts";
import type { Model } from "../../src/model/model.ts";
import { grads, type Tensor, tensor } from "../../src/tensor.ts";
import { goldenPath } from "./goldenResults.ts";
import { ids } from "./models.ts";

interface RawVariant {
  readonly config: JsonObject;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly input_ids: readonly number[];
  readonly decoder_input_ids?: readonly number[];
  readonly logits: string;
  readonly source_gradient?: string;
  readonly target_gradient: string;
  readonly greedy: readonly number[];
  readonly beams: readonly number[];
  readonly continued?: readonly number[];
}

export interface Variant {
  readonly title: string;
  readonly files: FileSource;
  readonly config: JsonObject;
  readonly inputIds: readonly number[];
  /** Of encoder-decoder models. */
  readonly decoderInputIds: readonly number[] | undefined;
  /** [T, V] */
  readonly logits: Float32Array;
  /** Of Σ logits · cotangent at the embeddings of the source, [S, D]; of encoder-decoder models. */
  readonly sourceGradient: Float32Array | undefined;
  /** And at those of the target, [T, D]. */
  readonly targetGradient: Float32Array;
  /** What six tokens of greedy search give, with the text they go on from. */
  readonly greedy: readonly number[];
  /** And a search with three beams. */
  readonly beams: readonly number[];
  /** And greedy search from the first three ids of the decoder. */
  readonly continued: readonly number[] | undefined;
}

/** All of them. */
export const variants: readonly Variant[] = readdirSync(goldenPath("variants")).flatMap((file) => {
  const text = readFileSync(goldenPath("variants", file), "utf8");
  const { variants: family } = JSON.parse(text) as { variants: Readonly<Record<string, RawVariant>> };
  return Object.entries(family).map(([name, raw]) => variant(`${file.replace(".json", "")}: ${name}`, raw));
});

export async function variantModel({ files }: Variant): Promise<Model> {
  return (await loadArchitecture(files)).model;
}

/** Gradients of Σ logits · cotangent, a random one, at the embeddings of the target and, of an encoder-decoder, of the source. */
export function embeddingGradients(
  model: Model,
  inputIds: readonly number[],
  decoderInputIds?: readonly number[],
): Tensor[] {
  const targetIds = ids([decoderInputIds ?? inputIds]);
  const pulledBack = (f: (...xs: Tensor[]) => Tensor, xs: Tensor[]) => {
    const { shape, size } = f(...xs);
    return grads(f)(xs, tensor(noise("cotangent", size), shape));
  };
  if (model.kind === "decoder-only") {
    return pulledBack(
      (embeddings_BTD) => model.forward({ embeddings_BTD: embeddings_BTD as Tensor }),
      [model.embed(targetIds)],
    );
  }
  const decode = (embeddings_BTD?: Tensor, embeddings_BSD?: Tensor) =>
    model.decode(
      { embeddings_BTD: embeddings_BTD as Tensor },
      model.encode({ embeddings_BSD: embeddings_BSD as Tensor }),
    );
  return pulledBack(decode, [model.embedTarget(targetIds), model.embedSource(ids([inputIds]))]);
}

function variant(title: string, raw: RawVariant): Variant {
  return {
    title,
    files: filesFromMemory(title, {
      "config.json": new TextEncoder().encode(JSON.stringify(raw.config)),
      "model.safetensors": checkpoint(raw.tensors),
    }),
    config: raw.config,
    inputIds: raw.input_ids,
    decoderInputIds: raw.decoder_input_ids,
    logits: unpacked(raw.logits),
    sourceGradient: raw.source_gradient === undefined ? undefined : unpacked(raw.source_gradient),
    targetGradient: unpacked(raw.target_gradient),
    greedy: raw.greedy,
    beams: raw.beams,
    continued: raw.continued,
  };
}

/** Numbers in [−1, 1), the same as in make_variants.py: a hash of the name and the place. */
export function noise(name: string, size: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Float32Array.from({ length: size }, (_, i) => {
    let x = (Math.imul(i + 1, 2654435761) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 3266489917) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Rounded as numpy rounds it. */
function weight(name: string, shape: readonly number[]): Float32Array {
  const f32 = Math.fround;
  const size = shape.reduce((product, length) => product * length, 1);
  const isScale = name.endsWith("weight");
  return noise(name, size).map((u) =>
    shape.length === 1 ? f32(f32(u * f32(0.3)) + (isScale ? 1 : 0)) : f32(u * f32(1.5 / Math.sqrt(shape.at(-1) ?? 1))),
  );
}

/** A safetensors file. */
function checkpoint(tensors: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, shape] of Object.entries(tensors)) {
    const bytes = new Uint8Array(weight(name, shape).buffer);
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    parts.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, ...parts]));
}

function unpacked(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}
