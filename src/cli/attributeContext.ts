/** `inseq attribute-context`: which tokens of an output depend on its context, and on what in it. */

import { attributeContext } from "../context/attributeContext.ts";
import type { ContextOptions } from "../context/options.ts";
import { AttributeContextOutput } from "../context/output.ts";
import { OptionError } from "../errors.ts";
import type { MethodId } from "../method/registry.ts";
import { writeFileAtomically } from "../platform/node.ts";
import type { KeywordArguments } from "../pretrainedArguments.ts";
import type { AttributionInfo } from "../result/attribution.ts";
import { aggregationsAsked } from "./aggregation.ts";
import { progressAsked } from "./attributionArguments.ts";
import type { ContextArguments } from "./contextOptions.ts";
import { contextQuestions } from "./contextQuestions.ts";
import { interruptible, uninterrupted } from "./interruption.ts";
import { baselineChoice, inLibraryNames } from "./keywordArguments.ts";
import { createLog } from "./log.ts";
import { openModel, requiredModel } from "./openModel.ts";
import { createCuesBar } from "./progress.ts";
import type { Screen } from "./screen.ts";
import { secondsSince } from "./wording.ts";
import { checkOutputPaths } from "./writing.ts";

/** @throws OptionError for arguments that are missing, contradictory or out of range, and whatever the library throws */
export async function runAttributeContext(args: ContextArguments, screen: Screen): Promise<void> {
  requiredModel(args);
  const { showProgress, ...record } = progressAsked(args.attributionKwargs);
  const bar = createCuesBar(showProgress);
  const options = contextChoices(args, record, without(bar, screen));
  const { savePath, vizPath } = args;
  await checkOutputPaths({ savePath, vizPath });
  const log = createLog(args, screen);
  log.debug(`options ${JSON.stringify(args)}`);
  const result = await interruptible("nothing was written", screen, async (signal) => {
    const model = await openModel(args, showProgress, log, signal);
    const working = performance.now();
    const onProgress = (done: number, total: number) => bar.update({ done, total });
    try {
      const result = withArguments(await attributeContext(model, { ...options, signal, onProgress }), args);
      log.info(`attributed the context in ${secondsSince(working)}`);
      return result;
    } finally {
      bar.stop();
      model.dispose();
    }
  });
  if (args.showViz) screen.print(result.show({ colorLevel: screen.colorLevel, width: screen.width }));
  await uninterrupted(async () => {
    if (savePath !== undefined) {
      await result.save(savePath, { overwrite: true });
      screen.report(`inseq: saved the result to ${savePath}`);
    }
    if (vizPath === undefined) return;
    await writeFileAtomically(vizPath, result.toHTML(), { overwrite: true });
    screen.report(`inseq: saved the page to ${vizPath}`);
  });
}

/** The screen, from which the bar is gone when something else is written. */
function without({ stop }: { readonly stop: () => void }, screen: Screen): Screen {
  const { print, ask } = screen;
  const first =
    <Arguments extends readonly unknown[], Result>(act: (...args: Arguments) => Result) =>
    (...args: Arguments) => {
      stop();
      return act(...args);
    };
  return { ...screen, print: first(print), ...(ask && { ask: first(ask) }) };
}

/** What the library was not told of: Inseq's views load the model again by what a file says. A token stays secret. */
function withArguments(result: AttributeContextOutput, args: ContextArguments): AttributeContextOutput {
  if (result.info === null) return result;
  const { token: _secret, ...modelKwargs } = args.modelKwargs;
  const info = {
    ...result.info,
    model_kwargs: modelKwargs,
    tokenizer_kwargs: args.tokenizerKwargs,
    attribution_selectors: args.attributionSelectors ?? null,
    attribution_aggregators: args.attributionAggregators ?? null,
    normalize_attributions: args.normalizeAttributions,
    rescale_attributions: args.rescaleAttributions,
    show_intermediate_outputs: args.showIntermediateOutputs,
    save_path: args.savePath ?? null,
    viz_path: args.vizPath ?? null,
    show_viz: args.showViz,
    add_output_info: args.addOutputInfo,
  };
  return new AttributeContextOutput({ ...result, info: info as AttributionInfo });
}

function contextChoices(
  args: ContextArguments,
  attributionKwargs: KeywordArguments,
  { ask, print, colorLevel, width }: Screen,
): ContextOptions {
  const { inputCurrentText, baseline, seed, memoryBudget } = args;
  if (inputCurrentText === undefined) {
    throw new OptionError("--input_current_text: expected a prompt or source text, received none");
  }
  return {
    inputCurrentText,
    inputContextText: args.inputContextText,
    inputTemplate: args.inputTemplate,
    outputContextText: args.outputContextText,
    outputCurrentText: args.outputCurrentText,
    outputTemplate: args.outputTemplate,
    contextlessInputCurrentText: args.contextlessInputCurrentText,
    contextlessOutputCurrentText: args.contextlessOutputCurrentText,
    attributionMethod: args.attributionMethod as MethodId,
    attributedFn: args.attributedFn,
    contextSensitivityMetric: args.contextSensitivityMetric,
    handleOutputContextStrategy: args.handleOutputContextStrategy as "manual" | "auto" | "pre",
    contextlessOutputNextTokens: args.contextlessOutputNextTokens,
    promptUserForContextlessOutputNextTokens: args.promptUserForContextlessOutputNextTokens,
    specialTokensToKeep: args.specialTokensToKeep,
    decoderInputOutputSeparator: args.decoderInputOutputSeparator,
    contextSensitivityStdThreshold: args.contextSensitivityStdThreshold,
    contextSensitivityTopk: args.contextSensitivityTopk,
    attributionStdThreshold: args.attributionStdThreshold,
    attributionTopk: args.attributionTopk,
    aggregation: aggregationsAsked(args),
    attribution: {
      ...inLibraryNames(attributionKwargs),
      ...(baseline !== undefined && { baseline: baseline.map(baselineChoice) }),
      ...(seed !== undefined && { seed }),
      ...(memoryBudget !== undefined && { memoryBudget }),
    },
    generationArgs: args.generationKwargs,
    addOutputInfo: args.addOutputInfo,
    ...(ask && { questions: contextQuestions(ask) }),
    ...(args.showIntermediateOutputs && {
      onIntermediateOutput: (output) => print(`${output.show({ colorLevel, width })}\n`),
    }),
  };
}
