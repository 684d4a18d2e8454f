/**
 * An attributed context as one standalone HTML page, which needs no script and loads nothing: the output on colours that say
 * how much each token depends on the context, and below it, for each token that stands out, the contexts on colours that say
 * what it depends on.
 */

import { knownName, rejectUnknownOptions } from "../names.ts";
import type { ContextAttribution } from "../result/contextAttribution.ts";
import { relativeStrength, type Theme } from "./colorScale.ts";
import { type ContextText, type ContextView, type CuesView, contextView, type ScoredToken } from "./contextView.ts";
import { infoPanel } from "./html/info.ts";
import { htmlPage } from "./html/page.ts";
import { colorSteps, styleSheet } from "./html/style.ts";
import { escapeMarkup } from "./markup.ts";
import { decimalsFor, scoreText, typeset } from "./scoreText.ts";
import { lineText } from "./visibleText.ts";

/** How the page of an attributed context looks. */
export interface ContextHtmlOptions {
  readonly title?: string;
  /** `auto` follows the reader's system. */
  readonly theme?: Theme | "auto";
}

/** A text of more characters than this is folded. */
const LONG = 1000;

/** @throws OptionError for an unknown option or theme */
export function renderContextHtml(result: ContextAttribution, options: ContextHtmlOptions = {}): string {
  rejectUnknownOptions("toHTML", options, ["title", "theme"]);
  const { theme = "auto", title = "What the output owes to its context" } = options;
  knownName("theme", theme, ["light", "dark", "auto"]);
  const view = contextView(result);
  const heading = lineText(title);
  const details = view.facts.map(([name, value]) => `${name.toLowerCase()}: ${value}`).join(" · ");
  const body = `<div class="page">
<header><div><h1>${escapeMarkup(heading)}</h1><p class="subtitle">${escapeMarkup(details)}</p></div></header>
<main>
<section class="card">
${view.texts
  .filter(([name]) => name !== "Output")
  .map(textBlock)
  .join("\n")}
<h2>Output</h2>
<p class="flow" dir="auto">${view.output.map((token, i) => outputToken(token, i, view)).join("")}</p>
<p class="small">${note(view)}</p>
${legend(view.maxAbs, view.output)}
</section>
${view.cues.map((cues, i) => cuesSection(cues, i + 1, view)).join("\n")}
</main>
${result.info === null ? "" : infoPanel(result.info)}
</div>`;
  return htmlPage({ title: heading, theme, style: styleSheet() + ownStyle, body });
}

function textBlock([name, text]: readonly [string, string]): string {
  const body = `<p class="given" dir="auto">${escapeMarkup(text)}</p>`;
  if (text.length <= LONG) return `<h2>${name}</h2>\n${body}`;
  const preview = escapeMarkup(`${text.slice(0, 100).replace(/\s+/g, " ")}…`);
  return `<h2>${name}</h2>\n<details class="given"><summary>${preview}</summary>${body}</details>`;
}

function note({ cues, threshold, maxAbs }: ContextView): string {
  const bound = typeset(scoreText(threshold, decimalsFor(maxAbs)));
  if (cues.length === 0) return `No token depends on the context: none reaches ${bound}.`;
  return `Underlined tokens depend on the context (from ${bound}); each leads to what it depends on.`;
}

function outputToken(token: ScoredToken, index: number, { cues, maxAbs }: ContextView): string {
  const at = cues.findIndex((one) => one.index === index);
  const colored = span(token, maxAbs, false);
  return at < 0 ? colored : `<a class="dependent" href="#cue${at + 1}">${colored}</a>`;
}

function cuesSection(cues: CuesView, number: number, { maxAbs }: ContextView): string {
  const score = typeset(scoreText(cues.score, decimalsFor(maxAbs)));
  const instead =
    cues.alternative === null ? "" : ` <span class="small">rather than “${escapeMarkup(cues.alternative)}”</span>`;
  return `<section class="card cue" id="cue${number}">
<p class="chosen">${escapeMarkup(cues.token)}${instead}</p>
<p class="small">depends on the context by ${score}; tokens from ${typeset(scoreText(cues.threshold, decimalsFor(cues.maxAbs)))} on are underlined</p>
${cues.contexts.map((context) => contextBlock(context, cues)).join("\n")}
${legend(
  cues.maxAbs,
  cues.contexts.flatMap(({ tokens }) => tokens),
)}
</section>`;
}

function contextBlock({ title, tokens, salient }: ContextText, { maxAbs }: CuesView): string {
  const flow = tokens.map((token, i) => span(token, maxAbs, salient.has(i))).join("");
  return `<h2>${title}</h2>\n<p class="flow" dir="auto">${flow}</p>`;
}

/** A token on the colour of its score, which is its tooltip; the space before it has none. */
function span({ text, score }: ScoredToken, maxAbs: number, salient: boolean): string {
  const word = text.trimStart();
  const step = Math.round(relativeStrength(score, maxAbs) * colorSteps);
  const classes = [
    "token",
    // Its colour must not lie on the end of the token before it.
    ...(word === text ? ["joined"] : []),
    ...(salient ? ["salient"] : []),
    ...(step === 0 ? [] : [`${step < 0 ? "n" : "p"}${Math.abs(step)}`]),
  ];
  const exact = typeset(String(Number(score.toPrecision(6))));
  const space = escapeMarkup(text.slice(0, text.length - word.length));
  return `${space}<span class="${classes.join(" ")}" title="${exact}">${escapeMarkup(word)}</span>`;
}

function legend(maxAbs: number, tokens: readonly ScoredToken[]): string {
  const isSigned = tokens.some(({ score }) => score < 0);
  const most = typeset(scoreText(maxAbs, decimalsFor(maxAbs)));
  const ramp = `<span class="ramp${isSigned ? " signed" : ""}" aria-hidden="true"></span>`;
  return `<div class="legend"><span>${isSigned ? `−${most}` : "0"}</span>${ramp}<span>${most}</span></div>`;
}

const ownStyle = `
.given{margin:0 0 24px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:17px}
details.given{font-size:17px}
.cue{margin-top:20px;scroll-margin-top:12px}
.cue .small{margin-bottom:20px}
.cue .chosen .small{font-weight:400;margin-left:.4em}
.cue .flow:last-of-type{margin-bottom:0}
.dependent{color:inherit;text-decoration:none}
.dependent .token,.salient{box-shadow:inset 0 -2.5px 0 var(--ink)}
.dependent:hover .token{outline:2px solid var(--ink)}
.cue:target{outline:2px solid var(--accent)}
`;
