/** The parts of jasmine 3, which TensorFlow.js's compiled tests ask for by this path, that we use. */
declare module "jasmine-core/lib/jasmine-core/jasmine.js" {
  export interface SpecResult {
    readonly fullName: string;
    readonly status: "passed" | "failed" | "excluded" | "pending";
    readonly failedExpectations: readonly { readonly message: string }[];
  }
  export interface Environment {
    addReporter(reporter: { specDone(result: SpecResult): void }): void;
    configure(options: { random: boolean; specFilter?: (spec: { getFullName(): string }) => boolean }): void;
    execute(suites: undefined, onComplete: () => void): void;
  }
  export interface Jasmine {
    getEnv(): Environment;
  }
  interface JasmineRequire {
    core(self: JasmineRequire): Jasmine;
    interface(jasmine: Jasmine, environment: Environment): Readonly<Record<string, unknown>>;
  }
  const jasmineRequire: JasmineRequire;
  export default jasmineRequire;
}

/** Imports all of TensorFlow.js's own op tests: made by `bundle.ts`. */
declare module "tfjs-op-tests" {}

declare module "@tensorflow/tfjs-core/dist/jasmine_util.js" {
  export function setTestEnvs(
    environments: readonly { readonly name: string; readonly backendName: string; readonly isDataSync: boolean }[],
  ): void;
}
