/**
 * A model with its tokenizer, ready to explain what it writes. `loadModel` makes one.
 *
 * Named after Inseq's `AttributionModel`: `attribute`, `generate`, `encode`, `decode`.
 */

import { DEFAULT_MEMORY_BUDGET, type RowLimits } from "./attribution/budget.ts";
import { checkMethod, type PassReport, type Prepared, prepareSequence } from "./attribution/engine.ts";
import { createInfo } from "./attribution/info.ts";
import {
  type AttributeOptions,
  type ContrastOptions,
  type ResolvedOptions,
  resolveOptions,
} from "./attribution/options.ts";
import { checkPrompt } from "./attribution/perturbation/plan.ts";
import { createSequenceAttribution, stepsOf } from "./attribution/result.ts";
import { contrastsOf } from "./attribution/texts/foils.ts";
import { type Input, type Inputs, readInputs } from "./attribution/texts/inputs.ts";
import { forcedJob, generatedJob, type Job } from "./attribution/texts/jobs.ts";
import type { LanguageModel } from "./attribution/texts/languageModel.ts";
import { resolveOutputSpans } from "./attribution/texts/outputSpans.ts";
import { chosenSampler } from "./attribution/texts/sampler.ts";
import { behindStart, encodeInput, type SpecialTokensMode, withBos } from "./attribution/texts/texts.ts";
import { type BackendInUse, onBackend, throughHost } from "./backend/backend.ts";
import { OptionError } from "./errors.ts";
import type { MethodId, MethodOptions } from "./method/registry.ts";
import { generate } from "./model/generation/generate.ts";
import { type GenerationOptions, readGenerationArgs } from "./model/generation/options.ts";
import type { CompactFormat } from "./ops/compactMatrix.ts";
import { FeatureAttributionOutput } from "./output.ts";
import type { SequenceAttribution } from "./result/attribution.ts";
import type { EncodeOptions, Encoding } from "./text/tokenizer.ts";
import { version } from "./version.ts";

type Texts = string | readonly string[];

export interface AttributionModelParts {
  /** How the model was named when it was loaded. */
  readonly name: string;
  readonly languageModel: LanguageModel;
  readonly generationDefaults: GenerationOptions;
  readonly backend: BackendInUse;
  readonly method: MethodId;
  readonly methodOptions: MethodOptions;
  readonly memoryBudget?: number | undefined;
  /** How the matrices of linear layers are stored. */
  readonly weights: "float32" | CompactFormat;
}

/**
 * A model, its tokenizer, and the method that it explains itself by. Calls may be made at the same time, of one model or of
 * several: they are done one after another, in their order.
 */
export class AttributionModel {
  readonly name: string;
  readonly backend: BackendInUse;
  readonly #languageModel: LanguageModel;
  readonly #parts: AttributionModelParts;
  #method: MethodId;

  constructor(parts: AttributionModelParts) {
    this.name = parts.name;
    this.backend = parts.backend;
    this.#parts = parts;
    this.#languageModel = parts.languageModel;
    this.#method = parts.method;
  }

  /** The method that `attribute` uses when it is not told another. */
  get method(): MethodId {
    return this.#method;
  }

  get tokenizer() {
    return this.#languageModel.tokenizer;
  }

  get model() {
    return this.#languageModel.model;
  }

  /** The model, its tokenizer, and the ids with a role. */
  get languageModel(): LanguageModel {
    return this.#languageModel;
  }

  /**
   * Does work on the model's backend, when calls that came before are done; it is told what one pass may use. The work must not
   * wait for other methods of a model, which would wait for it.
   * @throws BackendError from such a method, in Node; in a browser, which cannot tell, both wait for ever
   */
  async inTurn<Result>(
    work: (limits: RowLimits) => Promise<Result>,
    {
      memoryBudget = this.#parts.memoryBudget,
      signal,
    }: { readonly memoryBudget?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Result> {
    const withLimits = ({ passes }: BackendInUse) =>
      work({
        memoryBudget: memoryBudget ?? passes?.memoryBudget ?? DEFAULT_MEMORY_BUDGET,
        positions: passes?.positions,
      });
    return await onBackend(this.backend, withLimits, signal);
  }

  /** Tokens of a text. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.tokenizer.encode(text, { addSpecialTokens: true, ...options });
  }

  /** The text of token ids, special ones left out. */
  decode(ids: readonly number[]): string {
    return this.tokenizer.decode(ids, { skipSpecialTokens: true, asTarget: this.model.kind === "encoder-decoder" });
  }

  /**
   * Texts that the model writes for prompts or sources. Of a decoder-only model they begin with the prompt; for messages they
   * are replies.
   * @param generationArgs options in Hugging Face's names or camelCase, over those of the model's generation_config.json
   * @throws OptionError for an unknown option or an empty source
   */
  async generate(
    inputTexts: Inputs,
    generationArgs: Readonly<Record<string, unknown>> = {},
    options: Pick<AttributeOptions, "batchSize" | "skipSpecialTokens" | "signal" | "chat"> = {},
  ): Promise<string[]> {
    const { batchSize, signal } = options;
    const given = readInputs(this.tokenizer, inputTexts, options.chat);
    const inputs = given.map((input) => this.#prompt(input, specialTokensOf(given, options)));
    const ids = await this.inTurn(() => this.#generateIds(inputs, undefined, generationArgs, batchSize, signal), {
      signal,
    });
    return ids.map((row, i) => this.decode(given[i]?.chat ? this.#reply(row, inputs[i]) : row));
  }

  /**
   * Ids that the model writes behind the tokens of one prompt, or for a source, behind `targetPrefix` (decoder start included)
   * if there is one. They begin with the prompt, or with the decoder start.
   * @throws OptionError as `generate`
   */
  async generateIds(
    input: Encoding,
    options: Pick<AttributeOptions, "generationArgs"> & {
      readonly targetPrefix?: Encoding;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<readonly number[]> {
    const { targetPrefix, generationArgs = {}, signal } = options;
    const [ids = []] = await this.inTurn(
      () => this.#generateIds([input], targetPrefix && [targetPrefix], generationArgs, 1, signal),
      { signal },
    );
    return ids;
  }

  /**
   * Scores of every input token for every generated token.
   *
   * @param inputTexts prompts (decoder-only) or sources (encoder-decoder), one or several; or conversations, of which the
   *   model's chat template makes prompts: `[{ role: "user", content: "..." }]`, or a list of such lists
   * @param generatedTexts texts to be explained instead of the model's own: full texts beginning with their prompts
   *   (decoder-only), or target texts (encoder-decoder); of conversations the replies alone
   * @throws OptionError for unknown options, wrong positions, texts that do not fit together
   * @throws UnsupportedError when the method needs of the model what it has not
   * @throws NumericError when a score is not finite
   */
  async attribute(
    inputTexts: Inputs,
    generatedTexts?: Texts | null,
    options: AttributeOptions = {},
  ): Promise<FeatureAttributionOutput> {
    const resolved = resolveOptions(options.method ?? this.#method, this.#parts.methodOptions, options);
    this.#checkKind(options, resolved.contrast);
    if (options.overrideDefaultAttribution) this.#method = resolved.methodId;
    return await this.inTurn(
      (limits) => this.#attribute(inputTexts, generatedTexts, options, resolved, limits),
      options,
    );
  }

  async #attribute(
    inputTexts: Inputs,
    generatedTexts: Texts | null | undefined,
    options: AttributeOptions,
    resolved: ResolvedOptions,
    limits: RowLimits,
  ): Promise<FeatureAttributionOutput> {
    const started = performance.now();
    const throughHostBefore = throughHost();
    const { jobs, prepared } = await this.#prepare(inputTexts, generatedTexts, options, resolved, limits);
    const sequences: SequenceAttribution[] = [];
    const notes: string[] = [];
    let [peakBytes, rows] = [0, 0];
    const label = options.cleanSpecialChars ? this.#cleanToken : (token: string) => token;
    for (const { sequence, request, attribute, chat } of prepared) {
      const { contrasts, output } = request;
      const scores = await attribute();
      notes.push(...(scores.notes ?? []).map((note) => `sequence ${sequences.length}: ${note}`));
      peakBytes = Math.max(peakBytes, scores.peakBytes);
      rows += scores.rows;
      const turns = chat?.map(({ role, message, characters }) => ({ role, message, span: characters }));
      sequences.push(createSequenceAttribution(sequence, scores, { ...resolved, contrasts, output }, label, turns));
    }
    const info = createInfo(options, resolved, {
      modelName: this.name,
      modelClass: this.model.facts.className,
      tokenizerClass: this.tokenizer.className,
      inputTexts: jobs.map((job) => job.inputText),
      generatedTexts: jobs.map((job) => job.generatedText),
      chat: jobs.map((job) => job.chat),
      forced: generatedTexts !== undefined && generatedTexts !== null && !options.generateFromTargetPrefix,
      outputSpans: prepared.map(({ request }) => request.output?.spans ?? []),
      attrPosStart: sequences[0]?.attrPosStart ?? 0,
      attrPosEnd: Math.max(...sequences.map((sequence) => sequence.attrPosEnd)),
      seconds: (performance.now() - started) / 1000,
      backend: this.backend,
      weights: this.#parts.weights,
      throughHost: countedSince(throughHostBefore, throughHost()),
      version,
      peakBytes,
      rows,
      notes,
    });
    const steps = options.outputStepAttributions ? sequences.flatMap(stepsOf) : null;
    return new FeatureAttributionOutput({ sequences, steps, info });
  }

  /**
   * What is to be attributed, generated where it was not given. All sequences are prepared before the first one is attributed,
   * so that what the last one cannot have is told at once.
   */
  async #prepare(
    inputTexts: Inputs,
    generatedTexts: Texts | null | undefined,
    options: AttributeOptions,
    resolved: ResolvedOptions,
    limits: RowLimits,
  ): Promise<{ jobs: readonly Job[]; prepared: readonly (Prepared & Pick<Job, "chat">)[] }> {
    const inputs = readInputs(this.tokenizer, inputTexts, options.chat);
    const specialTokens = specialTokensOf(inputs, options);
    await checkMethod(this.model, resolved);
    const jobs = await this.#jobs(
      inputs,
      specialTokens,
      generatedTexts === undefined || generatedTexts === null ? null : listOf("generatedTexts", generatedTexts),
      options,
      resolved,
    );
    const foils = await contrastsOf(this.#languageModel, jobs, inputs, resolved.contrast, specialTokens);
    const sampler = await chosenSampler(this.#languageModel, resolved.methodOptions);
    const prepared: (Prepared & Pick<Job, "chat">)[] = [];
    for (const [i, job] of jobs.entries()) {
      const sequence = { ...job.sequence, noise: options.inputNoise };
      const request = {
        ...resolved,
        contrasts: foils[i] ?? [],
        output: resolveOutputSpans(sequence, resolved.outputSpans, resolved.spanReduction),
        attributeTarget: options.attributeTarget ?? false,
        contrastForceInputs: resolved.contrast.contrastForceInputs ?? false,
        limits,
        sampler,
        signal: options.signal,
        onPass: (pass: PassReport) => options.onProgress?.({ sequence: i, sequences: jobs.length, ...pass }),
      };
      prepared.push({ ...(await prepareSequence(this.model, sequence, request)), chat: job.chat });
    }
    return { jobs, prepared };
  }

  /** Frees the model's weights, at once: calls that still use them fail. */
  dispose(): void {
    this.model.dispose();
  }

  #prompt({ text }: Input, specialTokens: SpecialTokensMode): Encoding {
    return encodeInput(this.#languageModel, withBos(this.#languageModel, text).prompt, specialTokens);
  }

  /** Of a decoder-only model, what it wrote behind a prompt. */
  #reply(row: readonly number[], prompt: Encoding | undefined): readonly number[] {
    return this.model.kind === "decoder-only" ? row.slice(prompt?.ids.length) : row;
  }

  readonly #cleanToken = (token: string, id: number): string =>
    this.tokenizer.decode([id], { asTarget: this.model.kind === "encoder-decoder" }) || token;

  #checkKind(options: AttributeOptions, contrast: ContrastOptions): void {
    if (this.model.kind === "encoder-decoder") return;
    const wrong = [
      options.attributeTarget && "attributeTarget",
      options.generateFromTargetPrefix && "generateFromTargetPrefix",
      contrast.contrastSources !== undefined && "contrastSources",
    ].filter(Boolean);
    if (wrong.length === 0) return;
    throw new OptionError(
      `${wrong.join(", ")}: expected an encoder-decoder model, but ${this.name} is decoder-only (its one text is always ` +
        "attributed; a contrast goes into contrastTargets)",
    );
  }

  async #generateIds(
    inputs: readonly Encoding[],
    prefixes: readonly Encoding[] | undefined,
    generationArgs: Readonly<Record<string, unknown>>,
    batchSize: number = inputs.length,
    signal?: AbortSignal,
  ): Promise<number[][]> {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new OptionError(`batchSize: expected a positive integer, received ${batchSize}`);
    }
    const options = readGenerationArgs(generationArgs, this.#parts.generationDefaults);
    const rows: number[][] = [];
    for (let from = 0; from < inputs.length; from += batchSize) {
      const batch = {
        inputIds: inputs.slice(from, from + batchSize).map(({ ids }) => [...ids]),
        firstRow: from,
        ...(prefixes && { targetPrefix: prefixes.slice(from, from + batchSize).map(({ ids }) => [...ids]) }),
        ...(signal && { signal }),
      };
      rows.push(...(await generate(this.model, { ...batch, options })));
    }
    return rows;
  }

  async #jobs(
    given: readonly Input[],
    specialTokens: SpecialTokensMode,
    generatedTexts: readonly string[] | null,
    options: AttributeOptions,
    { baselines, seed, method, methodOptions }: ResolvedOptions,
  ): Promise<Job[]> {
    const { attrPosStart, attrPosEnd, includeEosBaseline = false } = options;
    const placed = { specialTokens, includeEosBaseline, baselines, seed, attrPosStart, attrPosEnd };
    if (generatedTexts !== null && generatedTexts.length !== given.length) {
      throw new OptionError(
        `generatedTexts: expected as many as inputTexts (${given.length}), received ${generatedTexts.length}`,
      );
    }
    const forced = generatedTexts !== null && !options.generateFromTargetPrefix;
    if (forced) {
      if (Object.keys(options.generationArgs ?? {}).length > 0) {
        throw new OptionError(
          "generationArgs: nothing is generated when generatedTexts are given; leave one of them out",
        );
      }
      return given.map((input, i) => forcedJob(this.#languageModel, input, generatedTexts[i] ?? "", placed));
    }
    const languageModel = this.#languageModel;
    const inputs = given.map((input) => this.#prompt(input, specialTokens));
    if (method.on === "players") for (const input of inputs) checkPrompt(this.model, input, { method, methodOptions });
    const prefixes = generatedTexts?.map((text) =>
      behindStart(languageModel, this.tokenizer.encode(text, { asTarget: true, addSpecialTokens: false })),
    );
    if (options.generateFromTargetPrefix && prefixes === undefined) {
      throw new OptionError("generateFromTargetPrefix: expected the prefixes in generatedTexts, received none");
    }
    const { generationArgs = {}, batchSize, signal } = options;
    const ids = await this.#generateIds(inputs, prefixes, generationArgs, batchSize, signal);
    return inputs.map((input, i) => {
      const { text, chat } = given[i] ?? { text: "", chat: null };
      const row = ids[i] ?? [];
      if (!options.retokenize) return generatedJob(languageModel, { text, chat }, input, row, placed);
      const generated = chat === null ? row : this.#reply(row, input);
      return forcedJob(
        languageModel,
        { text: withBos(languageModel, text).prompt, chat },
        this.decode(generated),
        placed,
      );
    });
  }
}

/** @throws OptionError when special tokens are to be left out of a conversation, whose template needs them */
function specialTokensOf(inputs: readonly Input[], { skipSpecialTokens }: AttributeOptions): SpecialTokensMode {
  if (inputs.every(({ chat }) => chat === null)) return skipSpecialTokens ? "left out" : "added";
  if (!skipSpecialTokens) return "as written";
  throw new OptionError("skipSpecialTokens: expected false for messages, whose template writes special tokens");
}

/** What has been counted since then. */
function countedSince(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): Record<string, number> {
  const differences = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}

/** @throws OptionError when something else than texts was given */
function listOf(name: string, texts: Texts): readonly string[] {
  const list: readonly unknown[] = typeof texts === "string" ? [texts] : Array.isArray(texts) ? texts : [undefined];
  const wrong = list.find((text) => typeof text !== "string");
  if (wrong === undefined && !list.includes(undefined)) return list as readonly string[];
  throw new OptionError(
    `${name}: expected a text or a list of texts, received ${JSON.stringify(wrong) ?? "undefined"}`,
  );
}
