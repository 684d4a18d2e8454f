/** Brings the tables of README and docs up to date: `npm run readme`. */

import { updatePages } from "./pages.ts";

updatePages();
