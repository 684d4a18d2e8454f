/** The shell of every page: it loads nothing, and its content security policy forbids it to. */

import type { Theme } from "../colorScale.ts";
import { escapeMarkup } from "../markup.ts";
import { sha256Base64 } from "./sha256.ts";

export interface PageParts {
  /** Its title, as text. */
  readonly title: string;
  /** `auto` follows the reader's system. */
  readonly theme: Theme | "auto";
  /** The one style sheet, and the one script, which may run by its hash only. */
  readonly style: string;
  readonly script?: string;
  /** Markup. */
  readonly body: string;
}

export function htmlPage({ title, theme, style, script, body }: PageParts): string {
  const scripts = script === undefined ? "" : `script-src 'sha256-${sha256Base64(script)}'; `;
  const policy = `default-src 'none'; style-src 'sha256-${sha256Base64(style)}'; ${scripts}base-uri 'none'; form-action 'none'`;
  return `<!DOCTYPE html>
<html lang="en"${theme === "auto" ? "" : ` data-theme="${theme}"`}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
