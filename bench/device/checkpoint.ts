/** A GPT-2 checkpoint of seeded random weights in Hugging Face's layout: too large to be carried along, so made on the spot. */

import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

interface Gpt2Sizes {
  readonly vocab_size: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_positions: number;
}

/** GPT-2's `initializer_range`; uniform numbers of that spread. */
const STD = 0.02;
const HALF_WIDTH = STD * Math.sqrt(3);

/** Writes config.json and model.safetensors into a folder. */
export function writeCheckpoint(folder: string, config: Gpt2Sizes): void {
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, architectures: ["GPT2LMHeadModel"] }));
  const tensors = tensorsOf(config);
  let end = 0;
  const header = Object.fromEntries(
    tensors.map(([name, shape]) => {
      const begin = end;
      end += 4 * shape.reduce((product, size) => product * size, 1);
      return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  for (const bytes of [length, text]) writeSync(file, bytes);
  let state = 1;
  for (const [name, shape] of tensors) {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (/ln_\w+\.weight$/.test(name)) values.fill(1);
    else if (!name.endsWith(".bias")) {
      for (let i = 0; i < values.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        values[i] = (state / 2 ** 31 - 1) * HALF_WIDTH;
      }
    }
    writeSync(file, values);
  }
  closeSync(file);
}

function tensorsOf({ vocab_size: V, n_embd: D, n_layer, n_positions }: Gpt2Sizes): [name: string, shape: number[]][] {
  const block = (i: number): [string, number[]][] =>
    (
      [
        ["ln_1.weight", [D]],
        ["ln_1.bias", [D]],
        ["attn.c_attn.weight", [D, 3 * D]],
        ["attn.c_attn.bias", [3 * D]],
        ["attn.c_proj.weight", [D, D]],
        ["attn.c_proj.bias", [D]],
        ["ln_2.weight", [D]],
        ["ln_2.bias", [D]],
        ["mlp.c_fc.weight", [D, 4 * D]],
        ["mlp.c_fc.bias", [4 * D]],
        ["mlp.c_proj.weight", [4 * D, D]],
        ["mlp.c_proj.bias", [D]],
      ] as [string, number[]][]
    ).map(([name, shape]) => [`transformer.h.${i}.${name}`, shape]);
  return [
    ["transformer.wte.weight", [V, D]],
    ["transformer.wpe.weight", [n_positions, D]],
    ...Array.from({ length: n_layer }, (_, i) => block(i)).flat(),
    ["transformer.ln_f.weight", [D]],
    ["transformer.ln_f.bias", [D]],
  ];
}
