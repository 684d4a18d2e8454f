/** Every public name says what it is: the documentation's pages are made of these comments. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const index = join(root, "src/index.ts");

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ESNext, true);
}

/** What a module exports from others: the name there, and the file. */
function reexports(path: string): { readonly name: string; readonly file: string }[] {
  return parse(path).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) return [];
    if (!statement.exportClause || !ts.isNamedExports(statement.exportClause)) return [];
    const file = join(dirname(path), (statement.moduleSpecifier as ts.StringLiteral).text);
    return statement.exportClause.elements.map(({ name, propertyName }) => ({
      name: (propertyName ?? name).text,
      file,
    }));
  });
}

/** Whether the declaration of a name has a comment of its own; undefined when there is no declaration. */
function isDocumented(name: string, file: string): boolean | undefined {
  for (const statement of parse(file).statements) {
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((declaration) => declaration.name.getText())
      : [(statement as { name?: ts.Node }).name?.getText()];
    if (names.includes(name)) return ts.getJSDocCommentsAndTags(statement).length > 0;
  }
  const passedOn = reexports(file).find((one) => one.name === name);
  return passedOn && isDocumented(passedOn.name, passedOn.file);
}

test("every export has a docstring", () => {
  const all = reexports(index);
  expect(all.length).toBeGreaterThan(60);
  expect(all.filter(({ file }) => !existsSync(file))).toEqual([]);
  const bare = all.filter(({ name, file }) => isDocumented(name, file) !== true);
  expect(bare.map(({ name, file }) => `${file.slice(root.length)}: ${name}`)).toEqual([]);
});
