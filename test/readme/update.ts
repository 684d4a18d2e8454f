/** Brings the README's tables up to date: `npm run readme`. */

import { updateReadme } from "./tables.ts";

updateReadme();
