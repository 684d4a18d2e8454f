/** The commands and their help, as the parser library (commander) knows them. */

import { Command, Help, Option } from "commander";
import { version } from "../version.ts";
import { type BenchmarkArguments, benchmarkOptions } from "./benchmarkOptions.ts";
import { type ContextArguments, contextOptions } from "./contextOptions.ts";
import { type DatasetArguments, datasetOptions } from "./datasetOptions.ts";
import { type MergeArguments, mergeOptions } from "./mergeOptions.ts";
import { type AttributeArguments, attributeOptions } from "./options.ts";
import { kebabName, longName, type OptionDeclaration, type OptionTable, type OptionValue } from "./optionTable.ts";
import type { Screen } from "./screen.ts";
import { optionValue } from "./values.ts";

/** A program whose `parseAsync` runs a command, and throws instead of ending the process. */
export function createProgram(screen: Screen): Command {
  const program = new Command("inseq")
    .description("Which words made a model write the next ones: feature attribution for language models.")
    .version(version, "-V, --version", "Show the version.")
    .helpOption("-h, --help", "Show this help.")
    .helpCommand("help [command]", "Show the help of a command.")
    .exitOverride()
    .configureOutput({
      writeOut: screen.print,
      writeErr: (text) => screen.report(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, "inseq: ")),
      getOutHelpWidth: () => screen.width,
    });
  addCommand(program, "attribute")
    .description("Attribute one or several texts, show the scores, and save them.")
    .usage("-m <model> -i <text...> [options]")
    .addHelpText("after", attributeNotes)
    .action(async (options: AttributeArguments) => {
      // Loaded when it is needed: help and wrong usage need no models.
      const { attribute } = await import("./attribute.ts");
      await attribute(options, screen);
    });
  addCommand(program, "attribute-dataset")
    .description(
      "Attribute all texts of a data set of any size, in parts if need be, and go on where it was interrupted.",
    )
    .usage("-m <model> -d <data> -in <field> -o <file> ...")
    .addHelpText("after", datasetNotes)
    .action(async (options: DatasetArguments) => {
      const { attributeDataset } = await import("./attributeDataset.ts");
      await attributeDataset(options, screen);
    });
  addCommand(program, "merge")
    .description("Put the parts of a data set's results together, when all of them are there and whole.")
    .usage("<part...> -o <file> [options]")
    .addHelpText("after", mergeNotes)
    .action(async (options: MergeArguments) => {
      const { merge } = await import("./merge.ts");
      await merge(options, screen);
    });
  addCommand(program, "attribute-context")
    .description("Find what in an output depends on its context, and on which words of the context.")
    .usage("-m <model> --input_current_text <text> [options]")
    .addHelpText("after", contextNotes)
    .action(async (options: ContextArguments) => {
      const { runAttributeContext } = await import("./attributeContext.ts");
      await runAttributeContext(options, screen);
    });
  addCommand(program, "benchmark")
    .description("Compare attribution methods: which is faithful on a model and data, and at what cost.")
    .usage("[-m <model> -d <data>] [options]")
    .addHelpText("after", benchmarkNotes)
    .action(async (options: BenchmarkArguments) => {
      const { benchmark } = await import("./benchmark.ts");
      await benchmark(options, screen);
    });
  program
    .command("explain")
    .description("Say what a method, a score or an aggregator does, costs and is good for.")
    .argument("[id]", "its name; without one, all names")
    .helpOption("-h, --help", "Show this help.")
    .action(async (id: string | undefined) => {
      const { explained } = await import("./explain.ts");
      screen.print(explained(id, screen.width));
    });
  return program;
}

/** The commands whose options are tables. */
export const optionTables = {
  attribute: attributeOptions,
  "attribute-dataset": datasetOptions,
  merge: mergeOptions,
  "attribute-context": contextOptions,
  benchmark: benchmarkOptions,
} as const satisfies Readonly<Record<string, OptionTable>>;

function addCommand(program: Command, name: keyof typeof optionTables): Command {
  const command = program
    .command(name)
    .helpOption("-h, --help", "Show this help.")
    .configureHelp({ optionTerm, optionDescription, padWidth, formatItem, minWidthToWrap: 20 });
  for (const option of commanderOptions(optionTables[name])) command.addOption(option);
  return command;
}

const notes = `
Names may be written with dashes or underscores. Lists take one or more values;
flags may be followed by yes or no.
Colours follow the terminal, --color, --no-color, FORCE_COLOR and NO_COLOR.
`;

const attributeNotes = `${notes}
Example:
  inseq attribute -m models/demo/stories-gpt2 -a integrated_gradients -i "Anna hid the ring in the cellar. In the end, the ring was still in the"
`;

const datasetNotes = `${notes}
Example:
  inseq attribute-dataset -m models/demo/stories-gpt2 -d models/demo/stories_groundtruth.jsonl -in prompt --split "train[:20]" -o stories.jsonl --resume
`;

const mergeNotes = `${notes}
Example:
  inseq merge results-*-of-00008.jsonl -o results.json
`;

const contextNotes = `${notes}
Example:
  inseq attribute-context -m models/demo/stories-gpt2 --input_context_text "Anna hid the ring in the cellar." --input_current_text "In the end, the ring was still in the" --attributed_fn contrast_prob_diff
`;

const benchmarkNotes = `${notes}
Without a model and data, the bundled models are asked for what they are known
to look at. The same command again goes on where the last one was stopped.
A line of a jsonl file (spans count characters):
  {"prompt": "Anna hid the ring. It was", "target": "gone", "foil": "red", "evidence": [[9, 17]]}

Example:
  inseq benchmark -m gpt2 -d items.jsonl -a integrated_gradients kernel_shap
`;

/** An option with what its help needs to know. */
class DeclaredOption extends Option {
  readonly term: string;
  /** The names that it takes. */
  readonly names: () => readonly string[];

  constructor(name: string, declaration: OptionDeclaration) {
    super(`${kebabName(name)} <value>`, declaration.help);
    this.term = term(name, declaration);
    this.names = declaration.choices?.names ?? (() => []);
    this.helpGroup(`${declaration.group}:`);
  }
}

export function commanderOptions(table: OptionTable): Option[] {
  return Object.entries(table).map(([name, declaration]) => {
    const option = new DeclaredOption(name, declaration);
    option.argParser((written: string, previous: OptionValue | undefined) =>
      optionValue(name, declaration, written, previous),
    );
    const initial =
      declaration.default ?? (declaration.kind === "flag" ? false : declaration.kind === "record" ? {} : undefined);
    if (initial !== undefined) option.default(initial);
    return option;
  });
}

/** `-i, --input_texts <text...>` */
function term(name: string, { aliases = [], kind, placeholder = "value" }: OptionDeclaration): string {
  const value = kind === "flag" ? "" : ` <${placeholder}${kind === "texts" || kind === "integers" ? "..." : ""}>`;
  return `${[...aliases, longName(name)].join(", ")}${value}`;
}

function optionTerm(option: Option): string {
  return option instanceof DeclaredOption ? option.term : option.flags;
}

/** Columns of terms at most: beside longer ones, 80 columns would leave no room for a description. */
const TERM_COLUMNS = 34;

function padWidth(this: Help, command: Command, helper: Help): number {
  return Math.min(TERM_COLUMNS, Help.prototype.padWidth.call(this, command, helper));
}

/** A term beside its description, or above it when it is too long. */
function formatItem(this: Help, term: string, width: number, description: string, helper: Help): string {
  const item = (shown: string) => Help.prototype.formatItem.call(this, shown, width, description, helper);
  return term.length <= width ? item(term) : `  ${term}\n${item("")}`;
}

function optionDescription(this: Help, option: Option): string {
  const { defaultValue } = option;
  const isTelling = typeof defaultValue === "string" || typeof defaultValue === "number";
  const names = option instanceof DeclaredOption ? option.names() : [];
  return [
    option.description,
    ...(names.length > 0 ? [`One of ${names.join(", ")}.`] : []),
    ...(isTelling ? [`Default: ${String(defaultValue).trim() === "" ? `"${defaultValue}"` : defaultValue}.`] : []),
  ].join(" ");
}
