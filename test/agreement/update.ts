/** `npm run agreement`: measures every architecture, prints the table, and writes it into agreement.json and docs/models.md. */

import { writeFileSync } from "node:fs";
import { useBackend } from "../../src/backend/backend.ts";
import { updatePages } from "../readme/pages.ts";
import { type Agreement, measureAgreement, measured, measuredBackend } from "./measure.ts";
import { agreementHead, agreementRows, type Published, publishedPath } from "./published.ts";

const { description } = await useBackend(measuredBackend);
const architectures: Record<string, Agreement> = {};
process.stdout.write(`${agreementHead.join("\t")}\n`);
for (const name of measured) {
  architectures[name] = rounded(await measureAgreement(name));
  const published: Published = { backend: description, architectures: { [name]: architectures[name] } };
  process.stdout.write(`${agreementRows(published).flat().join("\t")}\n`);
}
const published: Published = { backend: `${measuredBackend}: ${description}`, architectures };
writeFileSync(publishedPath, `${JSON.stringify(published, null, 2)}\n`);
updatePages();

/** Two digits, so that the file changes only when an error does. */
function rounded(agreement: Agreement): Agreement {
  const text = JSON.stringify(agreement, (_, value) =>
    typeof value === "number" ? Number(value.toPrecision(2)) : value,
  );
  return JSON.parse(text) as Agreement;
}
