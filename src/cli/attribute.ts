/** `inseq attribute`: attributes texts, shows the scores, and writes them to files. */

import type { Inputs } from "../attribution/texts/inputs.ts";
import { OptionError } from "../errors.ts";
import { parseJson } from "../json.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import { readBytes, writeFileAtomically } from "../platform/node.ts";
import { renderPng } from "../render/png.ts";
import { aggregateAsAsked, aggregateForView, savesAggregated } from "./aggregation.ts";
import { libraryOptions, missing } from "./attributionArguments.ts";
import { interruptible, uninterrupted } from "./interruption.ts";
import { createLog } from "./log.ts";
import { openModel, requiredModel } from "./openModel.ts";
import type { AttributeArguments } from "./options.ts";
import { createProgressBar } from "./progress.ts";
import type { Screen } from "./screen.ts";
import { count, secondsSince } from "./wording.ts";
import { checkOutputPaths } from "./writing.ts";

/** @throws OptionError for arguments that are missing, contradictory or out of range, and whatever the library throws */
export async function attribute(args: AttributeArguments, screen: Screen): Promise<void> {
  const { attributionMethod: method } = args;
  requiredModel(args);
  const inputs = await readInputArguments(args);
  const { showProgress, ...options } = libraryOptions(args);
  const { savePath, vizPath, svgPath, pngPath } = args;
  await checkOutputPaths({ savePath, vizPath, svgPath, pngPath });
  const log = createLog(args, screen);
  log.debug(`options ${JSON.stringify(args)}`);
  const goingOn = "nothing was written; inseq attribute-dataset keeps what is done of many texts";
  const result = await interruptible(goingOn, screen, async (signal) => {
    const model = await openModel(args, showProgress, log, signal);
    const working = performance.now();
    const bar = createProgressBar(showProgress);
    try {
      const result = await model.attribute(inputs, args.generatedTexts, {
        ...options,
        signal,
        onProgress: (progress) => {
          bar.update(progress);
          const { sequence, sequences, rows, done, total } = progress;
          log.debug(`text ${sequence + 1} of ${sequences}: pass of ${rows} rows, ${done} of ${total} done`);
        },
      });
      log.info(`attributed ${count(result.length, "text")} in ${secondsSince(working)}`);
      return result;
    } finally {
      bar.stop();
      model.dispose();
    }
  });

  const aggregated = aggregateAsAsked(result, args);
  const view = aggregateForView(aggregated, args);
  if (!args.hideAttributions) showAll(view, method, screen);
  const isAggregated = savesAggregated(args);
  await uninterrupted(async () => {
    const saved = (what: string, path: string) => screen.report(`inseq: saved ${what} to ${path}`);
    if (savePath !== undefined) {
      await (isAggregated ? aggregated : result).save(savePath, { overwrite: true });
      saved(isAggregated ? "aggregated attributions" : "attributions", savePath);
    }
    if (vizPath !== undefined) {
      await writeFileAtomically(vizPath, view.toHTML({ aggregation: false }), { overwrite: true });
      saved("the page", vizPath);
    }
    if (svgPath === undefined && pngPath === undefined) return;
    for (const [i, sequence] of view.sequenceAttributions.entries()) {
      const numbered = (path: string, type: string): string =>
        view.length > 1 ? path.replace(new RegExp(`(\\.${type})?$`, "i"), `_${i}.${type}`) : path;
      const layout = sequence.attrPosEnd - sequence.attrPosStart === 1 ? "text" : "matrix";
      const figure = sequence.toSVG({ aggregation: false, method, layout });
      if (svgPath !== undefined) {
        const path = numbered(svgPath, "svg");
        await writeFileAtomically(path, figure, { overwrite: true });
        saved("the figure", path);
      }
      if (pngPath !== undefined) {
        const path = numbered(pngPath, "png");
        await writeFileAtomically(path, await renderPng(figure), { overwrite: true });
        saved("the picture", path);
      }
    }
  });
}

/** Texts, or conversations from a file or of one message each. */
async function readInputArguments({ inputTexts, messages, chat }: AttributeArguments): Promise<Inputs> {
  if (messages === undefined) {
    if (inputTexts === undefined) throw missing("--input_texts (-i)", "one or more texts, or --messages");
    return chat ? inputTexts.map((content) => [{ role: "user", content }]) : inputTexts;
  }
  if (inputTexts !== undefined) throw new OptionError("--messages: expected no --input_texts beside it, received both");
  const read = parseJson(messages, await readBytes(messages));
  if (Array.isArray(read)) return read as Inputs;
  throw new OptionError(
    `--messages: expected a list of messages { role, content } in ${messages}, or a list of such lists`,
  );
}

function showAll(view: FeatureAttributionOutput, method: string, { colorLevel, width, print }: Screen): void {
  for (const [i, sequence] of view.sequenceAttributions.entries()) {
    if (view.length > 1) print(`${i > 0 ? "\n" : ""}Text ${i + 1} of ${view.length}\n\n`);
    print(sequence.show({ aggregation: false, colorLevel, width, method }));
  }
}
