/** The architectures, by the `model_type` of config.json. */

import type { Architecture } from "./architecture.ts";
import { bart, mbart } from "./bart.ts";
import { architecture as biogpt } from "./biogpt.ts";
import { architecture as bloom } from "./bloom.ts";
import { architecture as cohere } from "./cohere.ts";
import { architecture as dbrx } from "./dbrx.ts";
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

/** Adds which published models have a type: for the README, and for whoever asks whether theirs is here. */
function covering<Row extends Architecture>(architecture: Row, models: string): Row & { readonly models: string } {
  return { ...architecture, models };
}

export const architectures = {
  gpt2: covering(gpt2, "GPT-2, DistilGPT-2, DialoGPT, Cerebras-GPT, GPT-SW3"),
  "openai-gpt": covering(openaiGpt, "GPT"),
  gpt_neo: covering(gptNeo, "GPT-Neo, TinyStories"),
  gptj: covering(gptj, "GPT-J"),
  codegen: covering(codegen, "CodeGen"),
  gpt_neox: covering(gptNeox, "GPT-NeoX, Pythia, Dolly 2, RedPajama-INCITE"),
  gpt_bigcode: covering(gptBigcode, "SantaCoder, StarCoder"),
  opt: covering(opt, "OPT, Galactica"),
  xglm: covering(xglm, "XGLM"),
  biogpt: covering(biogpt, "BioGPT"),
  bloom: covering(bloom, "BLOOM, BLOOMZ"),
  mpt: covering(mpt, "MPT"),
  falcon: covering(falcon, "Falcon"),
  phi: covering(phi, "Phi-1, Phi-1.5, Phi-2"),
  dbrx: covering(dbrx, "DBRX"),
  llama: covering(llama, "Llama 1 to 3.2, Vicuna, TinyLlama, SmolLM 1 and 2, Yi, DeepSeek LLM"),
  mistral: covering(mistral, "Mistral 7B, Zephyr"),
  mixtral: covering(mixtral, "Mixtral 8x7B and 8x22B"),
  qwen2: covering(qwen2, "Qwen 1.5, 2 and 2.5"),
  qwen2_moe: covering(qwen2Moe, "Qwen 1.5 MoE, Qwen 2 57B-A14B"),
  qwen3: covering(qwen3, "Qwen 3"),
  granite: covering(granite, "Granite 3"),
  granitemoe: covering(granitemoe, "Granite 3 with experts"),
  phi3: covering(phi3, "Phi-3, Phi-3.5, Phi-4"),
  gemma: covering(gemma, "Gemma, CodeGemma"),
  gemma2: covering(gemma2, "Gemma 2"),
  gemma3_text: covering(gemma3Text, "Gemma 3 270M and 1B"),
  olmo: covering(olmo, "OLMo"),
  olmo2: covering(olmo2, "OLMo 2"),
  olmoe: covering(olmoe, "OLMoE"),
  cohere: covering(cohere, "Command R and R+, Aya 23, Aya Expanse"),
  stablelm: covering(stablelm, "StableLM 3B, StableLM 2, Stable Code"),
  starcoder2: covering(starcoder2, "StarCoder 2"),
  nemotron: covering(nemotron, "Nemotron-4, Minitron"),
  marian: covering(marian, "OPUS-MT"),
  bart: covering(bart, "BART, DistilBART"),
  mbart: covering(mbart, "mBART, mBART-50"),
  pegasus: covering(pegasus, "PEGASUS"),
  m2m_100: covering(m2m100, "M2M-100, NLLB-200"),
  "nllb-moe": covering(nllbMoe, "NLLB-MoE"),
  fsmt: covering(fsmt, "the WMT19 models of FAIR"),
  seamless_m4t: covering(seamlessM4t, "SeamlessM4T, text to text"),
  t5: covering(t5, "T5, T5 1.1, Flan-T5, ByT5"),
  mt5: covering(mt5, "mT5, mT0"),
  umt5: covering(umt5, "umT5"),
} as const satisfies Record<string, Architecture & { readonly models: string }>;
