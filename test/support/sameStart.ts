/** Before each file of those that share a process: it computes where it would without the others. */

import { useCpu } from "./backend.ts";

await useCpu();
