/**
 * Parts of speech of single English words: universal tags (NOUN, VERB, DET, PUNCT, …) by wink-nlp, an offline tagger that is
 * kept up, needs no download, runs in browsers, and takes some 50 µs for a word, so that a whole vocabulary takes seconds.
 * (Inseq's tagger, NLTK's, downloads its data.) It is an optional dependency, loaded when it is asked for.
 */

import { UnsupportedError } from "../errors.ts";

/** The tag of each word, of its first part if the tagger finds several; X for what is none. */
export async function partsOfSpeech(words: readonly string[]): Promise<string[]> {
  const tagger = await loadTagger();
  return words.map((word) => tagger(word.trim()));
}

/** @throws UnsupportedError when the packages are not installed */
async function loadTagger(): Promise<(word: string) => string> {
  try {
    const [{ default: winkNLP }, { default: english }] = await Promise.all([
      import("wink-nlp"),
      import("wink-eng-lite-web-model"),
    ]);
    const nlp = winkNLP(english, ["sbd", "pos"]);
    return (word) => {
      const [tag] = nlp.readDoc(word).tokens().out(nlp.its.pos);
      return tag === undefined || tag === "SPACE" ? "X" : tag;
    };
  } catch (cause) {
    throw new UnsupportedError(
      'sampler: "postag" needs the packages wink-nlp and wink-eng-lite-web-model, which did not load; run npm install ' +
        'wink-nlp wink-eng-lite-web-model, or take sampler: "uniform"',
      { cause },
    );
  }
}
