/** `inseq attribute-dataset`: attributes the texts of a data set, one batch after another, into a file that survives. */

import { resolveOptions } from "../attribution/options.ts";
import type { AttributionModel } from "../attributionModel.ts";
import { FileError, OptionError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { MethodId } from "../method/registry.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import { fileExists, openFolder } from "../platform/node.ts";
import { version } from "../version.ts";
import { aggregateAsAsked, aggregateForView, savesAggregated } from "./aggregation.ts";
import { libraryOptions, missing } from "./attributionArguments.ts";
import { batchesOf, columnsOf, type Fields, type Part } from "./dataset/batches.ts";
import { type Dataset, openDataset } from "./dataset/dataset.ts";
import { estimate } from "./dataset/estimate.ts";
import { fillShard } from "./dataset/fillShard.ts";
import { hashOfModel } from "./dataset/fingerprint.ts";
import { mergeShards } from "./dataset/mergeShards.ts";
import { createRateReport } from "./dataset/rate.ts";
import type { End, Run } from "./dataset/record.ts";
import { type Attributed, attributeBatch } from "./dataset/results.ts";
import { type Rows, shardOf, shardPath, sizeOfShard } from "./dataset/shard.ts";
import type { DatasetArguments } from "./datasetOptions.ts";
import { interruptible } from "./interruption.ts";
import { createLog } from "./log.ts";
import { openModel, requiredModel } from "./openModel.ts";
import { longName } from "./optionTable.ts";
import { createDownloadBar } from "./progress.ts";
import type { Screen } from "./screen.ts";
import { count } from "./wording.ts";
import { checkOutputPaths } from "./writing.ts";

/** @throws OptionError for arguments that are missing or contradictory; FileError for data that cannot be read; RowFault */
export async function attributeDataset(args: DatasetArguments, screen: Screen): Promise<void> {
  const { savePath, inputTextField: input, generatedTextField: generated, contrastTargetsField: contrast } = args;
  requiredModel(args);
  if (input === undefined) throw missing("--input_text_field (-in)", "the field with the texts");
  if (savePath === undefined && !args.dryRun) throw missing("--save_path (-o)", "a file for the results");
  if (args.resume && args.overwrite)
    throw new OptionError("--resume and --overwrite contradict each other; leave one out");
  await checkOutputPaths({ savePath });
  const { showProgress: _, ...options } = libraryOptions(args);
  // Wrong options are found before anything is loaded, and are no fault of the rows.
  resolveOptions(
    args.attributionMethod as MethodId,
    {},
    { ...options, ...(contrast !== undefined && { contrastTargets: [] }) },
  );
  const shard = shardOf(args.shard, process.env);
  const fields: Fields = { input, generated, contrast, chat: args.chat };
  const path = shardPath((savePath ?? "").replace(/\.json$/, ".jsonl"), shard);
  const goingOn = args.dryRun ? "nothing was written" : `${path} keeps what is done: the same with --resume goes on`;
  await interruptible(goingOn, screen, async (signal) => {
    const data = await downloaded(args, signal);
    const range = await rowsOf(data, args, signal);
    await tellOfLargePiece(data, fields, screen);
    const part = { data, range, shard, fields, signal };
    if (args.dryRun) return await estimate(args, part, savedForm(args), screen);
    await attributeAndMerge(path, args, part, screen);
  });
}

/** In bytes: what nobody would wonder about needs no word. */
const LARGE_PIECE = 500e6;

/** What is read at once is known from the file's own description, before any of it is read. */
async function tellOfLargePiece(data: Dataset, fields: Fields, { report }: Screen): Promise<void> {
  const piece = await data.largestPiece(columnsOf(fields));
  if (piece === null || piece.bytes < LARGE_PIECE) return;
  report(
    `inseq: ${piece.name} has row groups of up to ${(piece.bytes / 1e9).toFixed(1)} GB in these columns and no index of their ` +
      "pages: a group is in memory at once, and takes several times as much there; pyarrow's write_table writes smaller ones " +
      "(row_group_size) or an index (write_page_index)",
  );
}

/** The data set; files of the hub are downloaded, with a bar if that is to be seen. */
async function downloaded(args: DatasetArguments, signal: AbortSignal): Promise<Dataset> {
  const downloads = createDownloadBar(libraryOptions(args).showProgress);
  return await openDataset(args, { onDownload: downloads.update, signal }).finally(downloads.stop);
}

async function attributeAndMerge(path: string, args: DatasetArguments, part: Part, screen: Screen): Promise<void> {
  const { savePath = path } = args;
  const { attributed, failed } = await attributeShard(path, args, part, screen);
  const failures =
    failed > 0 ? `; ${failed} ${failed === 1 ? "row failed, and is" : "rows failed, and are"} noted there` : "";
  screen.report(`inseq: ${path} is complete: ${count(attributed, "result")}${failures}`);
  if (attributed === 0 && failed > 0) throw new FileError(`${path}: expected results, but all ${failed} rows failed`);
  if (!savePath.endsWith(".json") || part.shard.count > 1) return;
  await mergeShards([path], savePath, { overwrite: args.overwrite || args.resume, signal: part.signal });
  screen.report(`inseq: saved ${count(attributed, "result")} to ${savePath}`);
}

async function attributeShard(
  path: string,
  args: DatasetArguments,
  { data, range, shard, fields, signal }: Part,
  screen: Screen,
): Promise<End> {
  const log = createLog(args, screen);
  const { showProgress, ...options } = libraryOptions(args);
  const identity = await data.identity(signal);
  const total = sizeOfShard(range, shard);
  const rate = createRateReport(showProgress, total, screen);
  let model: AttributionModel | undefined;
  let failures = 0;
  try {
    return await fillShard(path, {
      range,
      options: args,
      header: async () => {
        model = await openModel(args, showProgress, log, signal);
        return { run: await runOf(args, model, identity, range), ...shard };
      },
      onOpen: ({ done, dropped }) => {
        const there = done.attributed + done.failed;
        if (dropped > 0) log.info(`cut off ${dropped} bytes of an interrupted batch`);
        if (there > 0) screen.report(`inseq: ${path} has ${there} of ${total} rows`);
        rate.begin(there);
      },
      batches: (skip) => batchesOf(data.rows(columnsOf(fields)), { range, shard, skip }, fields),
      attribute: async (batch) => {
        if (model === undefined) throw new TypeError("the model is loaded before the first batch");
        const done = await attributeBatch(batch, {
          model,
          options: { ...options, signal },
          skipFaults: args.onError === "skip",
          saved: savedForm(args),
        });
        if (!args.hideAttributions) showRows(done, args, screen);
        failures += done.filter(({ record }) => "error" in record).length;
        rate.update(done.length, failures);
        return done.map(({ record }) => record);
      },
    });
  } finally {
    rate.end();
    model?.dispose();
  }
}

/** Counts the rows, which reads the data once. */
async function rowsOf(data: Dataset, { batchSize }: DatasetArguments, signal: AbortSignal): Promise<Rows> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new OptionError(`--batch_size: expected a positive integer, received ${batchSize}`);
  }
  let total = 0;
  for await (const _row of data.rows(null)) {
    total++;
    signal.throwIfAborted();
  }
  const range = { ...data.split.rows(total), batchSize };
  if (range.end > range.start) return range;
  throw new OptionError(`--dataset_split: expected rows to attribute, but there are none (the data has ${total})`);
}

/** Arguments that change no result. */
const withoutInfluence: readonly (keyof DatasetArguments)[] = [
  "savePath",
  "shard",
  "resume",
  "overwrite",
  "dryRun",
  "onError",
  "hideAttributions",
  "verbose",
  "veryVerbose",
  "device",
  "backend",
  "memoryBudget",
  "datasetName",
  "datasetDir",
  "datasetFiles",
  "datasetSplit",
  "datasetConfig",
  "datasetRevision",
  "datasetAuthToken",
  "modelKwargs",
];

async function runOf(args: DatasetArguments, model: AttributionModel, data: Json, range: Rows): Promise<Run> {
  const asked = Object.entries(args).filter(([name]) => !(withoutInfluence as readonly string[]).includes(name));
  const { modelNameOrPath: place = "", modelKwargs } = args;
  const { token: _token, cache_dir: _cache, local_files_only: _local, ...ofModel } = modelKwargs;
  return {
    data,
    rows: [range.start, range.end],
    ...(Object.fromEntries(asked.map(([name, value]) => [longName(name), value])) as Run),
    model_kwargs: ofModel as Run,
    ...((await fileExists(place)) && { model_sha256: await hashOfModel(await openFolder(place)) }),
    backend: model.backend.name,
    version,
  };
}

function savedForm(args: DatasetArguments): (result: FeatureAttributionOutput) => FeatureAttributionOutput {
  return savesAggregated(args) ? (result) => aggregateAsAsked(result, args) : (result) => result;
}

function showRows(done: readonly Attributed[], args: DatasetArguments, { colorLevel, width, print }: Screen): void {
  const method = args.attributionMethod;
  for (const { output, record } of done) {
    if (output === undefined) continue;
    print(`Row ${record.row}\n\n`);
    for (const sequence of aggregateForView(aggregateAsAsked(output, args), args).sequenceAttributions)
      print(`${sequence.show({ aggregation: false, colorLevel, width, method })}\n`);
  }
}
