/** What a benchmark is asked: methods with their options, and what its records depend on. */

import { createHash } from "node:crypto";
import type { AttributeOptions } from "../../attribution/options.ts";
import { OptionError } from "../../errors.ts";
import { type EvaluatedMethod, floors, isFloor } from "../../evaluate/explain.ts";
import type { Players } from "../../method/perturbation/perturbation.ts";
import { listTokenMethods, type MethodId, methods } from "../../method/registry.ts";
import type { KeywordArguments } from "../../pretrainedArguments.ts";
import { version } from "../../version.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { attributionOptions } from "../keywordArguments.ts";
import type { Task } from "./task.ts";

/** Those of each kind that most users ask for, which together take a minute or two on the bundled models. */
const usualMethods: readonly MethodId[] = [
  "saliency",
  "input_x_gradient",
  "integrated_gradients",
  "expected_gradients",
  "deeplift",
  "attention_rollout",
  "value_zeroing",
  "lime",
  "kernel_shap",
  "shapley_value_sampling",
  "owen_values",
];

/** Samples of these methods where no methods are named: few, so that the table is there in minutes. Results name them. */
const usualOptions: Readonly<Partial<Record<MethodId, AttributeOptions>>> = {
  integrated_gradients: { nSteps: 20 },
  expected_gradients: { nSamples: 40 },
  kernel_shap: { nSamples: 256 },
  shapley_value_sampling: { nSamples: 8 },
  owen_values: { nSamples: 8 },
};

/** Whether every method is asked for, of which those that do not fit are left out. */
export const asksForAll = ({ methods: names }: BenchmarkArguments): boolean => names?.includes("all") ?? false;

/** @throws OptionError for options of methods that are not compared */
export function askedMethods(args: BenchmarkArguments): EvaluatedMethod[] {
  const every = listTokenMethods();
  const names = new Set<string>([...floors, ...(asksForAll(args) ? every : (args.methods ?? usualMethods))]);
  const unused = Object.keys(args.methodKwargs).find((name) => !names.has(name));
  if (unused !== undefined) {
    throw new OptionError(`--method_kwargs: expected names of the methods that are compared, received "${unused}"`);
  }
  return ([...names] as EvaluatedMethod["method"][]).map((method) => {
    if (isFloor(method)) return { name: method, method };
    const own = args.methodKwargs[method];
    if (own !== undefined && (typeof own !== "object" || own === null || Array.isArray(own))) {
      throw new OptionError(`--method_kwargs: expected an object for "${method}", received ${JSON.stringify(own)}`);
    }
    const usual = args.methods === undefined ? usualOptions[method] : undefined;
    // Methods that remove words remove those that are scored.
    const isPlaying = (methods[method].options as readonly string[]).includes("players");
    const players = isPlaying && args.players !== "token" ? { players: args.players as Players } : {};
    return {
      name: method,
      method,
      options: { ...players, ...usual, ...attributionOptions((own ?? {}) as KeywordArguments) },
    };
  });
}

/** All that records depend on: with another one, they cannot be gone on with. */
export async function fingerprint(
  args: BenchmarkArguments,
  tasks: readonly Task[],
  asked: readonly EvaluatedMethod[],
): Promise<string> {
  const {
    savePath,
    restart,
    examples,
    hideProgress,
    onError,
    memoryBudget,
    methods: names,
    methodKwargs,
    ...rest
  } = args;
  const data = await Promise.all(tasks.map(async ({ name, model, data: text }) => [name, model, await text()]));
  const text = JSON.stringify([version, rest, asked, asksForAll(args), data]);
  return createHash("sha256").update(text).digest("hex");
}
