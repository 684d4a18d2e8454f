/** `inseq benchmark`: compares methods by metrics on data, and says which is faithful, at what cost. */

import { join } from "node:path";
import { makeFolder } from "../platform/node.ts";
import { askedMethods, fingerprint } from "./benchmark/asked.ts";
import { goOn, openJournal } from "./benchmark/journal.ts";
import { type Measured, measure } from "./benchmark/measure.ts";
import { type OpenTask, openTask } from "./benchmark/openTask.ts";
import { outcomeOf } from "./benchmark/outcome.ts";
import { save } from "./benchmark/save.ts";
import { tasksOf } from "./benchmark/task.ts";
import { terminalTable } from "./benchmark/terminalTable.ts";
import { timeLeft } from "./benchmark/timeLeft.ts";
import type { BenchmarkArguments } from "./benchmarkOptions.ts";
import { takePlace } from "./device.ts";
import { interruptible, uninterrupted } from "./interruption.ts";
import type { Screen } from "./screen.ts";
import { slowBackendNotice } from "./slowBackend.ts";
import { writing } from "./writing.ts";

/** @throws OptionError for arguments that do not go together, and whatever evaluating throws */
export async function benchmark(args: BenchmarkArguments, screen: Screen): Promise<void> {
  const tasks = tasksOf(args);
  const asked = askedMethods(args);
  const path = join(args.savePath, "records.jsonl");
  const asks = await fingerprint(args, tasks, asked);
  await writing(args.savePath, () => makeFolder(args.savePath));
  const journal = await writing(path, () => openJournal(path, asks, args.restart));
  if (journal.found > 0) screen.report(`inseq: going on behind ${journal.found} records in ${path}`);
  const outcomes = await interruptible(`${goOn} behind what is in ${path}`, screen, async (signal) => {
    const opened: OpenTask[] = [];
    try {
      const backend = takePlace(args);
      for (const task of tasks) opened.push(await openTask(task, args, backend, signal));
      const notice = opened[0] && slowBackendNotice(opened[0].model.backend);
      if (notice !== undefined) screen.report(`inseq: ${notice}`);
      const works = opened.map((open): Measured => ({ open, asked, journal, signal }));
      const left = await timeLeft(works, args);
      if (left !== null) screen.report(`inseq: ${left}`);
      for (const work of works) await measure(work, args);
      return opened.map((open) => outcomeOf(open, journal));
    } finally {
      for (const { dispose } of opened) dispose();
    }
  });
  for (const outcome of outcomes) screen.print(`${terminalTable(outcome, screen)}\n`);
  await uninterrupted(async () => {
    await writing(args.savePath, () => save(outcomes, args), goOn);
    screen.report(`inseq: saved report.html, results.json and results.csv to ${args.savePath}`);
  });
}
