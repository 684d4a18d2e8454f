/** Where a model's files come from: a folder, a set of browser files, a server. All readers see only this. */

export interface FileSource {
  /** How to call this place in a message and in the result's info, for instance the folder's path. */
  readonly name: string;
  /** Names of the files directly inside, without any path. */
  list(): Promise<readonly string[]>;
  /** Size in bytes. */
  size(file: string): Promise<number>;
  /** Bytes `[start, end)` of a file, all of it by default. */
  read(file: string, start?: number, end?: number): Promise<Uint8Array>;
}
