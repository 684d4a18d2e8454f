/** What a run will cost, told beforehand: rows and tokens are counted; passes, bytes and time extrapolated from a few rows. */

import { readInputs } from "../../attribution/texts/inputs.ts";
import type { AttributionModel } from "../../attributionModel.ts";
import { FileError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { type MethodId, methods } from "../../method/registry.ts";
import type { FeatureAttributionOutput } from "../../output.ts";
import { libraryOptions } from "../attributionArguments.ts";
import type { DatasetArguments } from "../datasetOptions.ts";
import { createLog } from "../log.ts";
import { openModel } from "../openModel.ts";
import type { Screen } from "../screen.ts";
import { columnsOf, type Item, itemOf, type Part } from "./batches.ts";
import { duration } from "./rate.ts";
import { recordLine } from "./record.ts";
import { type AttributeRows, attributeBatch } from "./results.ts";
import { isInShard, sizeOfShard } from "./shard.ts";

/** Rows that are attributed to measure, evenly spread over the data. */
const PROBES = 6;

interface Census {
  readonly rows: number;
  readonly faulty: readonly string[];
  readonly inputTokens: number;
  readonly targetTokens: number;
  readonly probes: readonly Item[];
}

interface Probe {
  readonly seconds: number;
  /** Input tokens, and tokens that were explained. */
  readonly input: number;
  readonly steps: number;
  /** Rows of the batch that went through the model. */
  readonly passes: number;
  /** Of its line of results. */
  readonly bytes: number;
}

/** Tells on the standard output what the run, or the shard, would cost; `saved` as `attributeBatch` has it. */
export async function estimate(
  args: DatasetArguments,
  part: Part,
  saved: AttributeRows["saved"],
  screen: Screen,
): Promise<void> {
  const { signal } = part;
  const { showProgress, ...shared } = libraryOptions(args);
  const options = { ...shared, signal };
  const model = await openModel(args, showProgress, createLog(args, screen), signal);
  try {
    const census = await count(model, part);
    for (const fault of census.faulty.slice(0, 10)) screen.report(`inseq: ${fault}`);
    const how = { model, options, skipFaults: false, saved };
    const [first] = census.probes;
    if (first === undefined) throw new FileError(`expected rows to attribute, but all ${census.rows} are faulty`);
    // The first call compiles kernels and fills caches: it is not measured.
    await attributeBatch([first], how);
    const probes: Probe[] = [];
    for (const probe of census.probes) {
      const started = performance.now();
      const [done] = await attributeBatch([probe], how);
      const seconds = (performance.now() - started) / 1000;
      if (done?.output === undefined) continue;
      probes.push({ seconds, bytes: Buffer.byteLength(recordLine(done.record)), ...sizesOf(done.output) });
    }
    screen.print(told(census, probes, model, args));
  } finally {
    model.dispose();
  }
}

/** Counts rows, faulty rows and tokens; takes probes. */
async function count(model: AttributionModel, { data, range, shard, fields, signal }: Part): Promise<Census> {
  const size = sizeOfShard(range, shard);
  const probed = new Set(Array.from({ length: PROBES }, (_, i) => Math.floor(((i + 0.5) * size) / PROBES)));
  const { tokenizer } = model;
  let [number, rows, inputTokens, targetTokens] = [-1, 0, 0, 0];
  const faulty: string[] = [];
  const probes: Item[] = [];
  for await (const row of data.rows(columnsOf(fields))) {
    number++;
    signal.throwIfAborted();
    if (number >= range.end) break;
    if (!isInShard(number, range, shard)) continue;
    const item = itemOf(number, row, fields);
    if (probed.has(rows++) && !("fault" in item)) probes.push(item);
    if ("fault" in item) faulty.push(item.fault.message);
    else {
      const [input] = readInputs(tokenizer, typeof item.input === "string" ? item.input : [item.input], undefined);
      inputTokens += tokenizer.encode(input?.text ?? "", { addSpecialTokens: true }).ids.length;
      if (item.generated !== undefined) {
        const asTarget = model.model.kind === "encoder-decoder";
        targetTokens += tokenizer.encode(item.generated, { addSpecialTokens: true, asTarget }).ids.length;
      }
    }
  }
  return { rows, faulty, inputTokens, targetTokens, probes };
}

function sizesOf({
  sequenceAttributions: [sequence],
  info,
}: FeatureAttributionOutput): Omit<Probe, "seconds" | "bytes"> {
  const { rows } = isJsonObject(info.inseq_tfjs) ? info.inseq_tfjs : {};
  const { source = [], attrPosStart = 0, attrPosEnd = 0 } = sequence ?? {};
  return { input: source.length, steps: attrPosEnd - attrPosStart, passes: typeof rows === "number" ? rows : 0 };
}

function told(
  { rows, faulty, inputTokens, targetTokens, probes: asked }: Census,
  probes: readonly Probe[],
  model: AttributionModel,
  args: DatasetArguments,
): string {
  const method = methods[args.attributionMethod as MethodId];
  const sum = (of: (probe: Probe) => number) => probes.reduce((all, probe) => all + of(probe), 0);
  const fine = rows - faulty.length;
  // Texts that are given have their tokens; of a decoder-only model they begin with the prompt.
  const isForced =
    targetTokens > 0 && !args.generateFromTargetPrefix && args.startPos === undefined && args.endPos === undefined;
  const given = model.model.kind === "decoder-only" && !args.chat ? targetTokens - inputTokens : targetTokens;
  const steps = isForced ? given : (fine * sum((probe) => probe.steps)) / probes.length;
  const passes = (steps * sum((probe) => probe.passes)) / sum((probe) => probe.steps);
  // A step costs as much as there are tokens that it looks back on, and has a score for each of them.
  const work = ({ input, steps: own }: { readonly input: number; readonly steps: number }) => own * (input + own / 2);
  const all = fine * work({ input: inputTokens / fine, steps: steps / fine });
  const seconds = (all * sum((probe) => probe.seconds)) / sum(work);
  const bytes = (all * sum((probe) => probe.bytes)) / sum(work);
  const number = (value: number) => Math.round(value).toLocaleString("en-US");
  const backward = method.on === "embeddings" || method.on === "sites" ? number(passes) : "none";
  return [
    `rows       ${number(rows)}${faulty.length > 0 ? `, ${number(faulty.length)} of them faulty` : ""}`,
    `tokens     ${number(inputTokens)} of inputs, ${isForced ? "" : "about "}${number(steps)} to explain`,
    `forwards   about ${number(passes)} (${method.cost}, for each token to explain)`,
    `backwards  about ${backward}`,
    `results    about ${inBytes(bytes)}`,
    `time       about ${duration(seconds)} on ${model.backend.name} (${probes.length} of ${asked.length} texts took ${sum((probe) => probe.seconds).toPrecision(3)} s)`,
    "",
  ].join("\n");
}

/** Bytes in the largest unit of which there is one: "3.4 MB". */
function inBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(2))} ${units[power]}`;
}
