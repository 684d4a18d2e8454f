/** `inseq merge`: the result files of a data set's shards as one. */

import { OptionError } from "../errors.ts";
import { mergeShards } from "./dataset/mergeShards.ts";
import { interruptible } from "./interruption.ts";
import type { MergeArguments } from "./mergeOptions.ts";
import type { Screen } from "./screen.ts";
import { checkOutputPaths } from "./writing.ts";

/** @throws OptionError for missing arguments; FileError unless the files are all shards of one run, whole */
export async function merge({ inputFiles, savePath, overwrite }: MergeArguments, screen: Screen): Promise<void> {
  if (inputFiles === undefined) throw new OptionError("merge: expected the result files of a run, received none");
  if (savePath === undefined) throw new OptionError("--save_path (-o): expected a file for the results, received none");
  await checkOutputPaths({ savePath });
  const { attributed, failed } = await interruptible(`${savePath} was not written`, screen, (signal) =>
    mergeShards(inputFiles, savePath, { overwrite, signal }),
  );
  screen.report(
    `inseq: merged ${inputFiles.length} files into ${savePath}: ${attributed} results${failed > 0 ? `, ${failed} rows that failed` : ""}, none missing`,
  );
}
