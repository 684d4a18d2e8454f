/**
 * `npm start`: two questions to the bundled models, whose answers are known, with pictures, a page and a result file of
 * each in `inseq-demo`.
 */

import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Chalk, type ChalkInstance } from "chalk";
import { firstDifference } from "../evaluate/firstDifference.ts";
import { loadModel } from "../loadModel.ts";
import type { MethodId } from "../method/registry.ts";
import type { FeatureAttributionOutput, FeatureAttributionSequenceOutput } from "../output.ts";
import { writeFileAtomically } from "../platform/node.ts";
import { wrapWords } from "../render/terminal/wrapWords.ts";
import { type DemoItem, readDemoItem } from "./demoItem.ts";
import { describeFailure } from "./failure.ts";
import { openScreen, type Screen } from "./screen.ts";

interface Question {
  readonly name: string;
  readonly item: DemoItem;
  readonly method: MethodId;
  readonly ask: (item: DemoItem) => string;
}

const FOLDER = "inseq-demo";
const SCORE = "contrast_prob_diff";

async function demo(screen: Screen): Promise<void> {
  const paint = new Chalk({ level: screen.colorLevel });
  const welcome = "Two questions to two small models. The stronger its colour, the more a word acts on the answer.";
  screen.print(`${wrap(welcome, screen.width)}\n\n`);
  const questions: readonly Question[] = [
    {
      name: "story",
      item: await readDemoItem("stories", 167),
      method: "saliency",
      ask: ({ targetWord, foilWord }) =>
        `A story. Which words make the model go on with “${targetWord}”, not “${foilWord}”?`,
    },
    {
      name: "translation",
      item: await readDemoItem("translation", 221),
      method: "integrated_gradients",
      ask: ({ targetWord, foilWord, target }) =>
        `A translation: “${target}” Turkish has one word for “${targetWord}” and “${foilWord}”. Which word makes the model ` +
        `write “${targetWord}”?`,
    },
  ];
  for (const [i, question] of questions.entries()) {
    if (i > 0) screen.print("\n");
    await answer(question, i + 1, screen, paint);
  }
}

async function answer(
  { name, item, method, ask }: Question,
  number: number,
  screen: Screen,
  paint: ChalkInstance,
): Promise<void> {
  screen.print(`${paint.bold(wrap(`${number}. ${ask(item)}`, screen.width))}\n\n`);
  const started = performance.now();
  const model = await loadModel(relative(process.cwd(), item.model), method);
  const from = firstDifference(model, item.target, item.foil);
  const to = from + 1;
  const result = await model.attribute(item.input, item.target, {
    attributedFn: SCORE,
    contrastTargets: item.foil,
    attrPosStart: from,
    attrPosEnd: to,
  });
  model.dispose();
  const seconds = (performance.now() - started) / 1000;
  const view = result.aggregate({ normalize: false });
  screen.print(view.show({ aggregation: false, layout: "text", colorLevel: screen.colorLevel, width: screen.width }));
  screen.print(`\n${wrap(verdict(view, item), screen.width)}\n\n`);
  const files = await writeFiles(name, result, view);
  const facts = [
    ["score", `${method} of p(${item.targetWord}) − p(${item.foilWord}), named ${SCORE}`],
    ["took", `${seconds.toFixed(1)} s, the model's loading included, on ${model.backend.description}`],
    ...files,
  ];
  for (const [what = "", text = ""] of facts) screen.print(`${paint.dim(what.padEnd(7))}${text}\n`);
  screen.print(`\n${paint.dim("The same by the command line (installed, it is called inseq):")}\n`);
  screen.print(`${commandLines(item, method, from, to, name).join("\n")}\n`);
}

/** Whether the strongest token lies in the evidence: what the scores say beside what is known. */
function verdict(view: FeatureAttributionOutput, item: DemoItem): string {
  const [sequence] = view.sequenceAttributions;
  const { evidence, evidenceWord, alternative, targetWord, foilWord } = item;
  const [start, end] = evidence;
  const strongest = sequence && strongestToken(sequence);
  const span = strongest?.span;
  const found = span ? span[0] < end && span[1] > start : false;
  const known = `with “${alternative}” in its place, the model writes “${foilWord}” instead of “${targetWord}”.`;
  return found
    ? `The strongest word is “${evidenceWord}”, and it is the one that decides: ${known}`
    : `The word that decides is “${evidenceWord}”: ${known} The scores miss it here.`;
}

function strongestToken({ source, target, sourceAttributions, targetAttributions }: FeatureAttributionSequenceOutput) {
  const tokens = sourceAttributions ? source : target;
  const values = [...((sourceAttributions ?? targetAttributions)?.values ?? [])].map((value) => Math.abs(value) || 0);
  return tokens[values.indexOf(Math.max(...values))];
}

async function writeFiles(
  name: string,
  result: FeatureAttributionOutput,
  view: FeatureAttributionOutput,
): Promise<[string, string][]> {
  const path = (ending: string) => join(FOLDER, `${name}.${ending}`);
  await writeFileAtomically(path("html"), view.toHTML({ aggregation: false }), { overwrite: true });
  const [figure = ""] = view.toSVG({ aggregation: false, layout: "text" });
  await writeFileAtomically(path("svg"), figure, { overwrite: true });
  await result.save(path("json"), { overwrite: true });
  return [
    ["page", path("html")],
    ["figure", path("svg")],
    ["scores", `${path("json")} (Inseq's format)`],
  ];
}

/** The same by the command `inseq`, to be copied into a shell. A prompt that all texts begin with is a variable. */
function commandLines(
  { model, input, target, foil }: DemoItem,
  method: MethodId,
  from: number,
  to: number,
  name: string,
) {
  const isStory = target.startsWith(input);
  const text = (whole: string) => (isStory ? `"$story${whole.slice(input.length)}"` : quoted(whole));
  const contrast = isStory
    ? `"{\\"contrast_targets\\": \\"$story${foil.slice(input.length)}\\"}"`
    : quoted(JSON.stringify({ contrast_targets: foil }));
  return [
    ...(isStory ? [`  story=${quoted(input)}`] : []),
    `  ${programName()} attribute -m ${quoted(relative(process.cwd(), model))} -a ${method} \\`,
    `    -i ${text(input)} \\`,
    `    -g ${text(target)} \\`,
    `    --attribution_kwargs ${contrast} \\`,
    `    -fn ${SCORE} -s ${from} -e ${to} --viz_path ${name}.html`,
  ];
}

/** How a shell in this folder starts the command that stands beside this file. */
function programName(): string {
  const here = fileURLToPath(import.meta.url);
  const path = relative(process.cwd(), join(dirname(here), `main${extname(here)}`));
  return `node ${extname(here) === ".ts" ? "--import tsx " : ""}${quoted(path)}`;
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function wrap(text: string, width: number): string {
  return wrapWords(text.split(" "), width).join("\n");
}

const screen = openScreen();
try {
  await demo(screen);
} catch (error) {
  screen.report(describeFailure(error, false));
  process.exitCode = 1;
}
