/** From Moses' tokens back to a text: which have a space before them, by the rules of Moses for English, German and Russian. */

/** The text of tokens. */
export function mosesDetokenize(tokens: readonly string[], language: string): string {
  const joined = ` ${tokens.join(" ")} `.replaceAll(" @-@ ", "-");
  const plain = entities.reduce((text, [entity, sign]) => text.replaceAll(entity, sign), joined);
  const opened = new Map<string, number>();
  let text = "";
  let previous = "";
  let space = " ";
  for (const word of plain.split(/\p{White_Space}+/u).filter((part) => part.length > 0)) {
    const [before, after] = spacesAround(word, previous, language, opened);
    text += (before ? space : "") + word;
    space = after ? " " : "";
    previous = word;
  }
  return text.replaceAll(/ {2,}/g, " ").trim();
}

/** Whether a word may have a space before it, and after it. `opened` counts quotes, of which every second one closes. */
function spacesAround(
  word: string,
  previous: string,
  language: string,
  opened: Map<string, number>,
): readonly [before: boolean, after: boolean] {
  if (isCjk(word[0])) return [!isCjk(previous.at(-1)), true];
  if (/^[\p{Sc}([{¿¡]+$/u.test(word)) return [true, false];
  if (/^[,.?!:;\\%}\])]+$/.test(word)) return [false, true];
  if (language === "en" && previous !== "" && /^'\p{Alphabetic}/u.test(word)) return [false, true];
  if (!/^['"„“`]+$/.test(word)) return [true, true];
  const quote = /^[„“]+$/.test(word) ? '"' : word;
  const count = opened.get(quote) ?? 0;
  // "the Jones' house"
  if (count % 2 === 0 && language === "en" && word === "'" && previous.endsWith("s")) return [false, true];
  opened.set(quote, count + 1);
  return count % 2 === 0 ? [true, false] : [false, true];
}

const entities: readonly (readonly [string, string])[] = [
  ["&bar;", "|"],
  ["&#124;", "|"],
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&bra;", "["],
  ["&ket;", "]"],
  ["&quot;", '"'],
  ["&apos;", "'"],
  ["&#91;", "["],
  ["&#93;", "]"],
  ["&amp;", "&"],
];

/** Scripts of East Asia, by ranges of UTF-16 as Moses has them. */
function isCjk(character: string | undefined): boolean {
  const code = character?.charCodeAt(0) ?? 0;
  return CJK.some(([start, end]) => code > start && code < end);
}

const CJK: readonly (readonly [number, number])[] = [
  [0x1100, 0x11ff],
  [0x2e80, 0xa4cf],
  [0xa840, 0xa87f],
  [0xac00, 0xd7af],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe4f],
  [0xff65, 0xffdc],
];
