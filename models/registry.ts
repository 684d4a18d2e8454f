/** The architectures, by the `model_type` of config.json. */

import type { Architecture } from "./architecture.ts";
import { bart, mbart } from "./bart.ts";
import { architecture as biogpt } from "./biogpt.ts";
import { architecture as bloom } from "./bloom.ts";
import { architecture as cohere } from "./cohere.ts";
import { architecture as falcon } from "./falcon.ts";
import { architecture as fsmt } from "./fsmt.ts";
import { gemma, gemma2, gemma3Text } from "./gemma.ts";
import { architecture as gpt2 } from "./gpt2.ts";
import { architecture as gptBigcode } from "./gptBigcode.ts";
import { codegen, gptj } from "./gptj.ts";
import { architecture as gptNeo } from "./gptNeo.ts";
import { architecture as gptNeox } from "./gptNeox.ts";
import { granite, granitemoe } from "./granite.ts";
import { architecture as llama } from "./llama.ts";
import { m2m100 } from "./m2m100.ts";
import { architecture as marian } from "./marian.ts";
import { mistral, mixtral } from "./mistral.ts";
import { architecture as mpt } from "./mpt.ts";
import { architecture as nemotron } from "./nemotron.ts";
import { nllbMoe } from "./nllbMoe.ts";
import { olmo, olmo2, olmoe } from "./olmo.ts";
import { architecture as openaiGpt } from "./openaiGpt.ts";
import { architecture as opt } from "./opt.ts";
import { pegasus } from "./pegasus.ts";
import { architecture as phi } from "./phi.ts";
import { architecture as phi3 } from "./phi3.ts";
import { qwen2, qwen2Moe, qwen3 } from "./qwen.ts";
import { architecture as seamlessM4t } from "./seamlessM4t.ts";
import { architecture as stablelm } from "./stablelm.ts";
import { architecture as starcoder2 } from "./starcoder2.ts";
import { mt5, t5, umt5 } from "./t5.ts";
import { architecture as xglm } from "./xglm.ts";

export const architectures = {
  gpt2,
  "openai-gpt": openaiGpt,
  gpt_neo: gptNeo,
  gptj,
  codegen,
  gpt_neox: gptNeox,
  gpt_bigcode: gptBigcode,
  opt,
  xglm,
  biogpt,
  bloom,
  mpt,
  falcon,
  phi,
  llama,
  mistral,
  mixtral,
  qwen2,
  qwen2_moe: qwen2Moe,
  qwen3,
  granite,
  granitemoe,
  phi3,
  gemma,
  gemma2,
  gemma3_text: gemma3Text,
  olmo,
  olmo2,
  olmoe,
  cohere,
  stablelm,
  starcoder2,
  nemotron,
  marian,
  bart,
  mbart,
  pegasus,
  m2m_100: m2m100,
  "nllb-moe": nllbMoe,
  fsmt,
  seamless_m4t: seamlessM4t,
  t5,
  mt5,
  umt5,
} as const satisfies Record<string, Architecture>;
