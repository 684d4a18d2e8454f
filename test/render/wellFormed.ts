/** A strict reader of the XML that the figures use: elements, attributes in double quotes, text, five entities. */

/** The number of elements. @throws Error at the first thing that is not well formed. */
export function countElements(xml: string): number {
  const open: string[] = [];
  let elements = 0;
  let rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, "");
  const illegal = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(rest);
  if (illegal !== null) throw new Error(`character ${illegal[0].codePointAt(0)} is not allowed in XML`);
  while (rest !== "") {
    const token = /^<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?: [a-zA-Z0-9:-]+="[^"<]*")*)(\/?)>|^[^<]+/.exec(rest);
    if (token === null) throw new Error(`not well formed: ${rest.slice(0, 60)}`);
    const [all, closing, name = "", attributes = "", empty] = token;
    const text = name === "" ? all : attributes;
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(text)) throw new Error(`a bare ampersand: ${text.slice(0, 60)}`);
    if (closing === "/" && open.pop() !== name) throw new Error(`</${name}> closes another element`);
    if (name !== "" && closing === "") {
      elements++;
      if (empty === "") open.push(name);
    }
    if (name === "" && open.length === 0 && all.trim() !== "") throw new Error(`text outside: ${all.slice(0, 60)}`);
    rest = rest.slice(all.length);
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`);
  return elements;
}
