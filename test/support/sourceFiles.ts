/** The source files as the TypeScript compiler reads them: what each imports, and what it contains that ours must not. */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";

export interface Import {
  /** A path from the repository's root for our own files, otherwise as written: `node:path`, `commander`. */
  readonly target: string;
  /** Gone after compilation: it brings no code. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Constructs that our style rules out, each with its line: `line 12: any`. */
  readonly findings: readonly string[];
}

const root = join(import.meta.dirname, "..", "..");

/** All TypeScript files of these folders, but declarations of other packages' types. */
export function readSources(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .sort()
      .map((path) => parse(path, readFileSync(join(root, path), "utf8"))),
  );
}

export function parse(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const findings: string[] = [];
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ts.Node): void => {
    const imported = importOf(node, path);
    if (imported !== undefined) imports.push(imported);
    const finding = findingOf(node);
    if (finding !== undefined) findings.push(`line ${lineOf(node.getStart(source))}: ${finding}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { index } of text.matchAll(/\b(?:TODO|FIXME|XXX|HACK)\b/g)) {
    findings.push(`line ${lineOf(index)}: unfinished`);
  }
  return { path, lines: text.split("\n").length - 1, imports, findings };
}

function importOf(node: ts.Node, path: string): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    return { target: resolve(node.moduleSpecifier, path), typeOnly: isTypeOnly(node.importClause) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const named =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause : undefined;
    const typeOnly = node.isTypeOnly || (named?.elements.every((element) => element.isTypeOnly) ?? false);
    return { target: resolve(node.moduleSpecifier, path), typeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { target: resolve(node.argument.literal, path), typeOnly: true };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    // An import of a computed name is resolved at run time; only src/platform/node*.ts may (see the test).
    return { target: specifier === undefined ? "" : resolve(specifier, path), typeOnly: false };
  }
  return undefined;
}

/** `import { type A, type B }` brings no code either. An import for its side effects does. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

function resolve(specifier: ts.Node, path: string): string {
  if (!ts.isStringLiteral(specifier)) return "(computed)";
  const { text } = specifier;
  return text.startsWith(".") ? posix.join(posix.dirname(path), text) : text;
}

function findingOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "any";
  if (ts.isNonNullExpression(node)) return "non-null assertion";
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === "console") return "console";
  if (ts.isExportAssignment(node)) return "default export";
  if (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)) return "default export";
  if (ts.isAsExpression(node) && ts.isAsExpression(node.expression)) {
    if (node.expression.type.kind === ts.SyntaxKind.UnknownKeyword) return "as unknown as";
  }
  if (ts.isVariableStatement(node) && ts.isSourceFile(node.parent)) {
    if ((node.declarationList.flags & ts.NodeFlags.Const) === 0) return "module-level let";
  }
  return undefined;
}
