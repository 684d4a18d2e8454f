/** Types of build.mjs, which is plain JavaScript because it runs before TypeScript does. */

export interface Compiler {
  readonly command: string;
  readonly version: string;
}

export const instructionSets: Readonly<Record<string, readonly string[]>>;
export function findCompiler(): Promise<Compiler | undefined>;
export function libraryPath(instructionSet: string): string;
export function buildLibraries(compiler: Compiler): Promise<string[]>;
export function buildTestProgram(compiler: Compiler, instructionSet: string): Promise<string>;
