#!/usr/bin/env node
/** The command `inseq`. */

import { run } from "./run.ts";
import { openScreen } from "./screen.ts";

process.exitCode = await run(process.argv.slice(2), openScreen());
