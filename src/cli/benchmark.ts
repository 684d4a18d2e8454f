/** `inseq benchmark`: compares methods by metrics on data, and says which is faithful, at what cost. */

import { join } from "node:path";
import { loadModel } from "../loadModel.ts";
import { makeFolder } from "../platform/node.ts";
import { askedMethods, fingerprint } from "./benchmark/asked.ts";
import { openJournal } from "./benchmark/journal.ts";
import { measure } from "./benchmark/measure.ts";
import type { TaskOutcome } from "./benchmark/outcome.ts";
import { save } from "./benchmark/save.ts";
import { tasksOf } from "./benchmark/task.ts";
import { terminalTable } from "./benchmark/terminalTable.ts";
import type { BenchmarkArguments } from "./benchmarkOptions.ts";
import { placeOf } from "./device.ts";
import { interruptible, uninterrupted } from "./interruption.ts";
import { numberOptions } from "./openModel.ts";
import { createDownloadBar } from "./progress.ts";
import type { Screen } from "./screen.ts";

/** @throws OptionError for arguments that do not go together, and whatever evaluating throws */
export async function benchmark(args: BenchmarkArguments, screen: Screen): Promise<void> {
  const tasks = tasksOf(args);
  const asked = askedMethods(args);
  const { backend, visibleGpus } = placeOf(args.device, args.backend, process.env.CUDA_VISIBLE_DEVICES);
  if (visibleGpus !== null) process.env.CUDA_VISIBLE_DEVICES = visibleGpus;
  await makeFolder(args.savePath);
  const path = join(args.savePath, "records.jsonl");
  const journal = openJournal(path, await fingerprint(args, tasks, asked), args.restart);
  if (journal.found > 0) screen.report(`inseq: going on behind ${journal.found} records in ${path}`);
  const outcomes = await interruptible(`the same command goes on behind what is in ${path}`, screen, async (signal) => {
    const outcomes: TaskOutcome[] = [];
    for (const task of tasks) {
      const downloads = createDownloadBar(!args.hideProgress);
      const model = await loadModel(task.model, undefined, {
        backend,
        ...numberOptions(args),
        onDownload: downloads.update,
        signal,
      }).finally(downloads.stop);
      try {
        const items = await task.items(model.model.kind);
        outcomes.push(await measure({ model, task, items, asked, journal, signal }, args));
      } finally {
        model.dispose();
      }
    }
    return outcomes;
  });
  for (const outcome of outcomes) screen.print(`${terminalTable(outcome, screen)}\n`);
  await uninterrupted(async () => {
    await save(outcomes, args);
    screen.report(`inseq: saved report.html, results.json and results.csv to ${args.savePath}`);
  });
}
