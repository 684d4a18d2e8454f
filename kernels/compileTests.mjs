/** Compiling the suite of kernels/test, which sees the C interface only, so that one set of objects tests every library. */

import { join } from "node:path";
import { compileObjects, root, sourcesIn } from "./compile.mjs";

const FLAGS = [
  "-std=c++17",
  `-I${join(root, "library")}`,
  "-fPIC",
  "-O1",
  "-pthread",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wno-unknown-warning-option",
  "-Wno-psabi",
];

export const compileTests = (compiler) =>
  compileObjects(compiler, ["include", "test"].flatMap(sourcesIn), FLAGS, "tests");
