/** Attributing a batch of rows, and what is written of it: nothing that another run would have otherwise, such as times. */

import type { AttributeOptions } from "../../attribution/options.ts";
import { stepsOf } from "../../attribution/result.ts";
import type { Inputs } from "../../attribution/texts/inputs.ts";
import type { AttributionModel } from "../../attributionModel.ts";
import { NumericError, OptionError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { FeatureAttributionOutput } from "../../output.ts";
import type { Attribution, AttributionInfo } from "../../result/attribution.ts";
import { splitAttribution } from "../../result/merge.ts";
import { extensionKey, inseqJson } from "../../result/writeInseqJson.ts";
import type { FaultyItem, Item } from "./batches.ts";
import type { RowRecord } from "./record.ts";
import { RowFault } from "./rows.ts";

/** What was done with a row. */
export interface Attributed {
  readonly record: RowRecord;
  /** Its scores as the method gives them; absent when it failed. */
  readonly output?: FeatureAttributionOutput;
}

export interface AttributeRows {
  readonly model: AttributionModel;
  readonly options: AttributeOptions;
  /** Note rows that cannot be attributed, and go on. */
  readonly skipFaults: boolean;
  /** What is saved of a result. */
  readonly saved: (result: FeatureAttributionOutput) => FeatureAttributionOutput;
}

/**
 * The records of a batch, in order.
 * @throws RowFault for a row that is malformed or that the model refuses, unless such rows are skipped
 */
export async function attributeBatch(
  batch: readonly (Item | FaultyItem)[],
  how: AttributeRows,
): Promise<readonly Attributed[]> {
  const faulty = batch.filter((item) => "fault" in item);
  const [first] = faulty;
  if (first !== undefined && !how.skipFaults) throw first.fault;
  const items = batch.filter((item): item is Item => !("fault" in item));
  const done = items.length === 0 ? [] : await attributeItems(items, how);
  const failed = faulty.map(({ row, fault }) => ({ record: { row, error: fault.message } }));
  return [...done, ...failed].sort((x, y) => x.record.row - y.record.row);
}

async function attributeItems(items: readonly Item[], how: AttributeRows): Promise<readonly Attributed[]> {
  try {
    return await attributed(items, how);
  } catch (error) {
    if (!(error instanceof OptionError || error instanceof NumericError)) throw error;
    const [item] = items;
    if (items.length > 1) {
      // One of them is at fault: alone, each shows whether it is the one.
      const each: Attributed[] = [];
      for (const one of items) each.push(...(await attributeItems([one], how)));
      return each;
    }
    const message = `${item?.place}: ${error.message}`;
    if (how.skipFaults && item !== undefined) return [{ record: { row: item.row, error: message } }];
    throw new RowFault(message, { cause: error });
  }
}

async function attributed(items: readonly Item[], { model, options, saved }: AttributeRows): Promise<Attributed[]> {
  const generated = items.flatMap((item) => item.generated ?? []);
  const contrasts = items.flatMap((item) => item.contrast ?? []);
  const isGenerating = generated.length === 0 || options.generateFromTargetPrefix;
  const output = await model.attribute(
    items.map(({ input }) => input) as Inputs,
    generated.length > 0 ? generated : null,
    {
      ...options,
      ...(isGenerating && { generationArgs: seeded(options.generationArgs, items[0]?.row ?? 0) }),
      ...(contrasts.length > 0 && { contrastTargets: contrasts }),
      // Steps are made of each row's own scores below.
      outputStepAttributions: false,
    },
  );
  const raw = splitAttribution(output.toAttribution());
  return items.map((item, i) => {
    const own = raw[i];
    if (own === undefined) throw new RangeError(`${items.length} texts gave ${raw.length} results`);
    const result = new FeatureAttributionOutput(own);
    const part = saved(result).toAttribution();
    const steps = options.outputStepAttributions ? own.sequences.flatMap(stepsOf) : null;
    return { record: { row: item.row, result: inseqJson(reproducible({ ...part, steps })) }, output: result };
  });
}

/** Sampled texts of a batch have random numbers of their own. */
function seeded(args: AttributeOptions["generationArgs"], row: number): Readonly<Record<string, unknown>> {
  if (args?.do_sample !== true) return args ?? {};
  return { ...args, seed: (typeof args.seed === "number" ? args.seed : 0) + row };
}

/** The result without what times, memory and the other rows of the batch have put into it. */
function reproducible({ sequences, steps, info }: Attribution): Attribution {
  const { exec_time: _time, [extensionKey]: extension, ...rest } = info;
  const { peak_bytes: _bytes, rows: _rows, through_host: _host, ...kept } = isJsonObject(extension) ? extension : {};
  const own: AttributionInfo = {
    ...rest,
    attr_pos_start: sequences[0]?.attrPosStart ?? 0,
    attr_pos_end: sequences[0]?.attrPosEnd ?? 0,
    output_step_attributions: steps !== null,
    [extensionKey]: kept,
  };
  return { sequences, steps, info: own };
}
