/** What holds for each metric whatever the numbers are. */

import type { MetricId } from "../../../src/evaluate/registry.ts";
import type { Theorem } from "./cases.ts";
import { evidenceTheorems } from "./evidenceTheorems.ts";
import { explanationTheorems } from "./explanationTheorems.ts";
import { removalTheorems } from "./removalTheorems.ts";
import { softTheorems } from "./softTheorems.ts";

export const theorems: Readonly<Record<MetricId, readonly Theorem[]>> = {
  ...removalTheorems,
  ...softTheorems,
  ...explanationTheorems,
  ...evidenceTheorems,
};
