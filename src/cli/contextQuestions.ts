/** What `inseq attribute-context` asks the person at the terminal. */

import type { ContextQuestions } from "../context/options.ts";
import { lineText } from "../render/visibleText.ts";
import type { Ask } from "./screen.ts";

/** Questions until an answer can be used. */
export function contextQuestions(ask: Ask): ContextQuestions {
  return {
    outputContext: async (output, candidate) => {
      const wrote = `The model wrote: "${lineText(output)}"\n`;
      if (candidate !== null && (await yes(ask, `${wrote}Is "${lineText(candidate)}" its context?`))) return candidate;
      for (let before = candidate === null ? wrote : ""; ; ) {
        const answer = await ask(`${before}Which beginning of it is its context? `);
        before = output.startsWith(answer) ? "" : `"${lineText(answer)}" is no beginning of it. `;
        const isMeant = answer.trim() !== "" || (await yes(ask, "That is empty. Is there no context?"));
        if (before === "" && isMeant) return answer.trimEnd();
      }
    },
    nextToken: async (prefix, token) => {
      const place = `With context, "${lineText(token.trim())}" is written behind "${lineText(prefix)}".\n`;
      if (!(await yes(ask, `${place}Do you want to name a word to compare it with?`))) return null;
      for (;;) {
        const word = (await ask("Which word? ")).trim();
        if (word !== "") return word;
      }
    },
  };
}

async function yes(ask: Ask, question: string): Promise<boolean> {
  for (;;) {
    const answer = (await ask(`${question} (y/n) `)).trim().toLowerCase();
    if (["y", "yes"].includes(answer)) return true;
    if (["n", "no"].includes(answer)) return false;
  }
}
