/** A folder with a llama2.c checkpoint, as if it had a `config.json`. */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { isLlama2cName } from "./checkpoint/llama2c.ts";
import { type Llama2cHeader, readLlama2cFile } from "./checkpoint/llama2cHeader.ts";

/**
 * The same files, with a `config.json` made from the checkpoint's header where there is none and a `.bin` file is one of
 * llama2.c's.
 * @throws FileError when the folder's only `.bin` file is none, or it has several
 */
export async function withLlama2cConfig(files: FileSource): Promise<FileSource> {
  const present = await files.list();
  const [file, ...others] = present.filter(isLlama2cName);
  if (file === undefined || present.some((name) => name === "config.json" || name === "model.json")) return files;
  if (others.length > 0) {
    throw new FileError(
      `${files.name}: expected a config.json, or one llama2.c checkpoint, found ${[file, ...others].sort().join(", ")}; ` +
        "put the one that is meant into a folder of its own",
    );
  }
  const found = await readLlama2cFile(files, file);
  if (typeof found === "string") {
    throw new FileError(`${files.name}: expected a config.json; ${file} is no llama2.c checkpoint either: ${found}`);
  }
  const config = new TextEncoder().encode(JSON.stringify(configOf(found.header)));
  return {
    name: files.name,
    list: async () => [...present, "config.json"],
    size: async (name) => (name === "config.json" ? config.byteLength : await files.size(name)),
    read: async (name, ...range) =>
      name === "config.json" ? config.slice(...range) : await files.read(name, ...range),
  };
}

/** What llama2.c leaves unsaid (model.py): the norm's epsilon, the rotary base, the ids of its SentencePiece vocabulary. */
function configOf(header: Llama2cHeader) {
  return {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    vocab_size: header.vocabSize,
    hidden_size: header.width,
    intermediate_size: header.feedForwardWidth,
    num_hidden_layers: header.layers,
    num_attention_heads: header.heads,
    num_key_value_heads: header.keyValueHeads,
    max_position_embeddings: header.maxPositions,
    tie_word_embeddings: header.tiedHead,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    bos_token_id: 1,
    eos_token_id: 2,
  };
}
