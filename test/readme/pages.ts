/** The pages that are read: README, CONTRIBUTING and docs, with their tables. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withTables } from "./tables.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Paths from the root, README first. */
export const pages: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const readPage = (page: string): string => readFileSync(join(root, page), "utf8");

/** Brings the tables of all pages up to date. */
export function updatePages(): void {
  for (const page of pages) writeFileSync(join(root, page), withTables(readPage(page)));
}
