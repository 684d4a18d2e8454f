/** What a `tokenizer.json` says of the pieces of a SentencePiece model. */

import type { Json } from "../../json.ts";
import type { SentencePieceFile } from "../sentencePieceFile.ts";
import { characterWidth } from "../trackedText.ts";

/** Control pieces are special, user-defined ones are not; both are never cut. */
export function addedPieces(
  file: SentencePieceFile,
): { id: number; content: string; normalized: false; special: boolean }[] {
  return file.pieces.flatMap(({ text, type }, id) =>
    type === "control" || type === "userDefined" || type === "unknown"
      ? [{ id, content: text, normalized: false, special: type !== "userDefined" }]
      : [],
  );
}

/** Every way to put a piece together from two others, best pieces first, longer left parts first. */
export function sentencePieceMerges(file: Pick<SentencePieceFile, "pieces">): Json[] {
  const normal = file.pieces.filter((piece) => piece.type === "normal");
  const texts = new Set(normal.map((piece) => piece.text));
  const merges = normal.flatMap(({ text, score }) => {
    const cuts: { score: number; left: string; right: string }[] = [];
    for (let cut = characterWidth(text, 0); cut < text.length; cut += characterWidth(text, cut)) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      if (texts.has(left) && texts.has(right)) cuts.push({ score, left, right });
    }
    return cuts;
  });
  merges.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
  return merges.map(({ left, right }) => [left, right]);
}
