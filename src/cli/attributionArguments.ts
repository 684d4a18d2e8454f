/** The arguments that all commands that attribute have in common, as the library's `attribute` takes them. */

import { widthReductions } from "../attribution/gradient/widthReduction.ts";
import type { AttributeOptions } from "../attribution/options.ts";
import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import type { KeywordArguments } from "../pretrainedArguments.ts";
import { attributionOptions, baselineChoice, outputSpansChoice } from "./keywordArguments.ts";
import type { AttributeArguments } from "./options.ts";

/** The arguments without the texts and what is made of the result. */
export type AttributionArguments = Omit<
  AttributeArguments,
  "inputTexts" | "messages" | "generatedTexts" | "vizPath" | "svgPath" | "pngPath"
>;

/** The options of the library's `attribute`; the record `--attribution_kwargs` may hold any that has no option of its own. */
export function libraryOptions(args: AttributionArguments): AttributeOptions & { readonly showProgress: boolean } {
  const { showProgress, ...record } = progressAsked(args.attributionKwargs);
  const { attributedFn, outputSpans, widthReduction, baseline, seed, startPos, endPos, memoryBudget } = args;
  const given: AttributeOptions = {
    stepScores: args.stepScores ?? [],
    attributeTarget: args.attributeTarget,
    includeEosBaseline: args.includeEosBaseline,
    outputStepAttributions: args.outputStepAttributions,
    generateFromTargetPrefix: args.generateFromTargetPrefix,
    generationArgs: args.generationKwargs,
    batchSize: args.batchSize,
    skipSpecialTokens: args.skipSpecialTokens,
    retokenize: args.retokenize,
    ...(attributedFn !== undefined && { attributedFn }),
    ...(outputSpans !== undefined && { outputSpans: outputSpansChoice(outputSpans) }),
    ...(widthReduction !== undefined && {
      widthReduction: knownName("widthReduction", widthReduction, widthReductions),
    }),
    ...(baseline !== undefined && { baseline: baseline.map(baselineChoice) }),
    ...(seed !== undefined && { seed }),
    ...(startPos !== undefined && { attrPosStart: startPos }),
    ...(endPos !== undefined && { attrPosEnd: endPos }),
    ...(memoryBudget !== undefined && { memoryBudget }),
  };
  return { ...attributionOptions(record), ...given, showProgress };
}

/** `--attribution_kwargs`, in which Inseq has whether a bar is shown, with that apart. */
export function progressAsked({ show_progress: showProgress = true, ...record }: KeywordArguments) {
  if (typeof showProgress === "boolean") return { ...record, showProgress };
  throw new OptionError(`--attribution_kwargs: "show_progress": expected true or false, received ${showProgress}`);
}

/** An option that has to be given. */
export function missing(option: string, what: string): OptionError {
  return new OptionError(`${option}: expected ${what}, received none`);
}
