/**
 * The documentation as pages in docs/html: `npm run docs`. TypeDoc makes them of the public names' comments, and of one page
 * for each method, score and aggregator, which says what `inseq explain` says.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";
import { type Explanation, explain, listExplained } from "../src/explain.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const pages = pathOf("pages/");
const out = pathOf("html/");

rmSync(pages, { recursive: true, force: true });
for (const [kind, ids] of Object.entries(listExplained())) {
  const folder = `${pages}${kind.replaceAll(" ", "-")}`;
  mkdirSync(folder, { recursive: true });
  for (const id of ids) writeFileSync(`${folder}/${id}.md`, page(explain(id)));
}
const app = await Application.bootstrap({
  name: "inseq-tfjs",
  entryPoints: [pathOf("../src/index.ts")],
  tsconfig: pathOf("../tsconfig.json"),
  readme: pathOf("../README.md"),
  projectDocuments: [pathOf("*.md"), pathOf("../CONTRIBUTING.md"), `${pages}**/*.md`],
  excludePrivate: true,
  skipErrorChecking: true,
  out,
  // Shapes such as [S, G]: (…) are no links, and not every type that is mentioned is public.
  suppressCommentWarningsInDeclarationFiles: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
});
const project = await app.convert();
if (project === undefined) throw new Error("docs: expected the sources to be understood; see the messages above");
await app.generateDocs(project, out);
if (app.logger.hasErrors()) process.exitCode = 1;

function page({ id, kind, facts, options }: Explanation): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  const head = ["---", `title: ${id}`, `group: ${kind[0]?.toUpperCase()}${kind.slice(1)}s`, "---", ""];
  const table = ["| | |", "| --- | --- |", ...facts.map(([name, text]) => `| ${name} | ${cell(text)} |`), ""];
  const rows = options.map(
    ({ name, help, default: value }) => `| \`${name}\` | ${cell(help)} | ${cell(value ?? "")} |`,
  );
  const optionTable = ["## Options", "", "| Option | What it does | Default |", "| --- | --- | --- |", ...rows, ""];
  return [...head, ...table, ...(rows.length > 0 ? optionTable : [])].join("\n");
}
