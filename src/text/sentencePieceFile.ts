/** Reading a SentencePiece model (`.spm`, `.model`): a protocol buffer with pieces, and how to normalise and segment. */

import { PbfReader } from "pbf";
import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";

/** What a piece is for. */
export type PieceType = "normal" | "unknown" | "control" | "userDefined" | "unused" | "byte";

export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: PieceType;
}

export interface SentencePieceFile {
  readonly pieces: readonly Piece[];
  readonly algorithm: "unigram" | "bpe" | "word" | "char";
  readonly byteFallback: boolean;
  readonly unknownId: number;
  /** What unknown pieces decode to. */
  readonly unknownSurface: string;
  readonly spaceAsSuffix: boolean;
  readonly charsMap: Uint8Array;
  readonly addDummyPrefix: boolean;
  readonly removeExtraSpaces: boolean;
  readonly escapeSpaces: boolean;
}

/** @throws FileError when the file is no SentencePiece model. */
export async function readSentencePieceFile(files: FileSource, file: string): Promise<SentencePieceFile> {
  return parseSentencePiece(await files.read(file), `${file} in ${files.name}`);
}

/** The numbers are the fields of `sentencepiece_model.proto`, the values before them its defaults. */
function parseSentencePiece(bytes: Uint8Array, where: string): SentencePieceFile {
  const pieces: Piece[] = [];
  const model = {
    algorithm: 1,
    byteFallback: false,
    unknownSurface: " \u2047 ",
    spaceAsSuffix: false,
    charsMap: new Uint8Array(),
    addDummyPrefix: true,
    removeExtraSpaces: true,
    escapeSpaces: true,
  };
  try {
    const reader = new PbfReader(bytes);
    reader.readFields((field) => {
      if (field === 1) pieces.push(readPiece(reader));
      else if (field === 2) {
        reader.readMessage((inner) => {
          if (inner === 3) model.algorithm = reader.readVarint();
          else if (inner === 24) model.spaceAsSuffix = reader.readBoolean();
          else if (inner === 35) model.byteFallback = reader.readBoolean();
          else if (inner === 44) model.unknownSurface = reader.readString();
        }, undefined);
      } else if (field === 3) {
        reader.readMessage((inner) => {
          if (inner === 2) model.charsMap = Uint8Array.from(reader.readBytes());
          else if (inner === 3) model.addDummyPrefix = reader.readBoolean();
          else if (inner === 4) model.removeExtraSpaces = reader.readBoolean();
          else if (inner === 5) model.escapeSpaces = reader.readBoolean();
        }, undefined);
      }
    }, undefined);
    if (reader.pos !== bytes.length) throw new RangeError(`a field ends at byte ${reader.pos}, beyond the end`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(
      `${where}: expected a SentencePiece model, but its ${bytes.length} bytes cannot be read (${reason}); get the file again`,
      { cause },
    );
  }
  const unknownIds = pieces.flatMap((piece, id) => (piece.type === "unknown" ? [id] : []));
  const [unknownId] = unknownIds;
  const algorithm = algorithms[model.algorithm - 1];
  if (unknownId === undefined || unknownIds.length > 1 || algorithm === undefined) {
    throw new FileError(
      `${where}: expected a SentencePiece model with one unknown piece, received ${pieces.length} pieces, ${unknownIds.length} of them unknown, and algorithm ${model.algorithm}; get the file again`,
    );
  }
  return { ...model, pieces, unknownId, algorithm };
}

const algorithms = ["unigram", "bpe", "word", "char"] as const;
const pieceTypes: readonly PieceType[] = ["normal", "unknown", "control", "userDefined", "unused", "byte"];

function readPiece(reader: PbfReader): Piece {
  const piece = { text: "", score: 0, type: 1 };
  reader.readMessage((field) => {
    if (field === 1) piece.text = reader.readString();
    else if (field === 2) piece.score = reader.readFloat();
    else if (field === 3) piece.type = reader.readVarint();
  }, undefined);
  const type = pieceTypes[piece.type - 1];
  if (type === undefined || piece.text.length === 0 || !Number.isFinite(piece.score)) {
    throw new RangeError(`piece "${piece.text}" has score ${piece.score} and type ${piece.type}`);
  }
  return { text: piece.text, score: piece.score, type };
}
