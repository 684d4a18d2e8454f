/** The files of a repository, each fetched when it is first read. */

import { checkRange, type FileSource, missingFile } from "../../files.ts";
import type { HubFile } from "./repository.ts";

/**
 * @param fetched gets a file's content from the hub or a cache; asked once for each file, and again after a failure
 * @param read bytes `[start, end)` of a content
 */
export function lazyFiles<Content>(
  repository: string,
  files: readonly HubFile[],
  fetched: (file: HubFile) => Promise<Content>,
  read: (content: Content, start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>,
): FileSource {
  const byName = new Map(files.map((file) => [file.name, file]));
  const find = (name: string): HubFile => {
    const file = byName.get(name);
    if (file === undefined) throw missingFile(repository, name, [...byName.keys()]);
    return file;
  };
  const contents = new Map<string, Promise<Content>>();
  const contentOf = (file: HubFile): Promise<Content> => {
    const earlier = contents.get(file.name);
    if (earlier !== undefined) return earlier;
    const content = fetched(file);
    contents.set(file.name, content);
    content.catch(() => contents.delete(file.name));
    return content;
  };
  return {
    name: repository,
    list: async () => [...byName.keys()],
    size: async (name) => find(name).size,
    read: async (name, start = 0, end) => {
      const file = find(name);
      const [from, to] = checkRange(`${repository}/${name}`, file.size, start, end);
      return await read(await contentOf(file), from, to);
    },
  };
}
