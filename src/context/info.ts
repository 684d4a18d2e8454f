/** What was asked, by the names of Inseq's options. */

import { snakeCased } from "../attribution/info.ts";
import type { AttributionModel } from "../attributionModel.ts";
import type { AttributionInfo, Json } from "../result/attribution.ts";
import { version } from "../version.ts";
import type { Outputs } from "./outputs.ts";
import type { ResolvedContextOptions } from "./request.ts";

export function contextInfo(
  model: AttributionModel,
  options: ResolvedContextOptions,
  outputs: Outputs,
  seconds: number,
): AttributionInfo {
  return {
    model_name_or_path: model.name,
    attribution_method: options.attributionMethod,
    attributed_fn: options.attributedFn ?? null,
    attribution_kwargs: plain(snakeCased(options.attribution)),
    generation_kwargs: plain(snakeCased(options.generationArgs)),
    input_current_text: options.inputCurrentText,
    input_context_text: options.inputContextText ?? null,
    input_template: options.inputTemplate,
    output_context_text: outputs.context,
    output_current_text: outputs.current,
    output_template: options.outputTemplate,
    contextless_input_current_text: options.contextlessInputCurrentText,
    contextless_output_current_text: options.contextlessOutputCurrentText,
    context_sensitivity_metric: options.contextSensitivityMetric,
    handle_output_context_strategy: options.handleOutputContextStrategy,
    contextless_output_next_tokens: [...options.contextlessOutputNextTokens],
    prompt_user_for_contextless_output_next_tokens: options.promptUserForContextlessOutputNextTokens,
    special_tokens_to_keep: [...options.specialTokensToKeep],
    decoder_input_output_separator: options.decoderInputOutputSeparator,
    context_sensitivity_std_threshold: options.sensitivity.stdThreshold,
    context_sensitivity_topk: options.sensitivity.topk,
    attribution_std_threshold: options.cues.stdThreshold,
    attribution_topk: options.cues.topk,
    has_input_context: options.hasInputContext,
    has_output_context: options.hasOutputContext,
    inseq_tfjs: {
      version,
      backend: model.backend.name,
      aggregation: plain(options.aggregation),
      seconds,
    },
  };
}

/** Options as data: what is undefined or a function is left out. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
