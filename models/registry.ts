/** The architectures, by the `model_type` of config.json. */

import type { Architecture } from "./architecture.ts";
import { architecture as gpt2 } from "./gpt2.ts";
import { codegen, gptj } from "./gptj.ts";
import { architecture as llama } from "./llama.ts";
import { architecture as marian } from "./marian.ts";
import { mt5, t5 } from "./t5.ts";

export const architectures = { gpt2, gptj, codegen, llama, marian, t5, mt5 } as const satisfies Record<
  string,
  Architecture
>;
