/** Where a text stops being JSON: the parser of the language does not always tell. */

/** The index of the first character that no JSON text has there; the length when the text ends too early. */
export function jsonErrorAt(text: string): number {
  const parser = { at: 0 };
  const taken = value(text, parser) && space(text, parser) && parser.at === text.length;
  return taken ? text.length : parser.at;
}

interface Parser {
  at: number;
}

/** Each of these moves to the end of what it reads, or to the character that is wrong and returns false. */
function value(text: string, parser: Parser): boolean {
  space(text, parser);
  const first = text[parser.at];
  if (first === "{") return list(text, parser, "}", () => member(text, parser));
  if (first === "[") return list(text, parser, "]", () => value(text, parser));
  if (first === '"') return string(text, parser);
  return take(text, parser, /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y);
}

function list(text: string, parser: Parser, close: string, element: () => boolean): boolean {
  parser.at++;
  space(text, parser);
  for (let isFirst = true; text[parser.at] !== close || !isFirst; isFirst = false) {
    if (!element()) return false;
    space(text, parser);
    if (text[parser.at] === close) break;
    if (text[parser.at] !== ",") return false;
    parser.at++;
  }
  parser.at++;
  return true;
}

function member(text: string, parser: Parser): boolean {
  space(text, parser);
  if (!string(text, parser)) return false;
  space(text, parser);
  if (text[parser.at] !== ":") return false;
  parser.at++;
  return value(text, parser);
}

function string(text: string, parser: Parser): boolean {
  if (text[parser.at] !== '"') return false;
  parser.at++;
  while (text[parser.at] !== '"') {
    if (!take(text, parser, /(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))/uy)) return false;
  }
  parser.at++;
  return true;
}

function space(text: string, parser: Parser): boolean {
  return take(text, parser, /[ \t\n\r]*/y);
}

function take(text: string, parser: Parser, pattern: RegExp): boolean {
  pattern.lastIndex = parser.at;
  if (!pattern.test(text)) return false;
  parser.at = pattern.lastIndex;
  return true;
}
