/**
 * PyTorch's `pytorch_model.bin`: a zip archive of `NAME/data.pkl`, a pickle of the state dictionary, and `NAME/data/KEY`,
 * the bytes of its storages. NAME is `archive` or the file's own name.
 *
 * A tensor is a view of a storage: offset, shape and strides, counted in elements. Several tensors may view the same
 * storage. The pickle is read by a machine that can make tensors and nothing else (`pickle.ts`).
 */

import { FileError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import { type Archive, openArchive } from "./archive.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type DType, decodeValues, dtypes, elementCount } from "./dtype.ts";
import { findTensor } from "./lookup.ts";
import { unpickle } from "./pickle.ts";
import { gather, isContiguous, spanOf } from "./strides.ts";
import { isTensor, type TensorView, torchWorld } from "./torchObjects.ts";

/** A state dictionary's pickle has some hundred bytes for each tensor; more than this is not one. */
const maxPickleBytes = 100_000_000;

/** Strides of 0 repeat elements. A view that repeats them to more than this many is made to exhaust memory. */
const maxRepeated = 2 ** 24;

/**
 * Opens a PyTorch file written by `torch.save(model.state_dict(), file)` since PyTorch 1.6.
 * @throws FileError when it is of the older format, damaged, or asks for anything but tensors.
 */
export async function openPyTorch(files: FileSource, file: string): Promise<Checkpoint> {
  const description = `${files.name}/${file}`;
  await checkMagic(files, file, description);
  const archive = await openArchive(files, file);
  const root = await findRoot(archive, description);
  const tensors = await readStateDictionary(archive, root, description);
  return {
    description,
    names: [...tensors.keys()],
    info: (name) => {
      const { shape, storage } = findTensor(description, tensors, name);
      return { dtype: storage.dtype, shape };
    },
    read: async (name) => {
      const { shape, strides, offset, storage } = findTensor(description, tensors, name);
      const what = `${description}: ${name}`;
      const width = dtypes[storage.dtype].bytes;
      const end = offset + spanOf(shape, strides);
      const bytes = await archive.read(entryOf(root, storage.key), offset * width, end * width);
      const values = decodeValues(what, storage.dtype, bytes);
      return isContiguous(shape, strides) ? values : gather(values, shape, strides);
    },
  };
}

async function checkMagic(files: FileSource, file: string, description: string): Promise<void> {
  const bytes = await files.read(file, 0, Math.min(4, await files.size(file)));
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return;
  if (bytes[0] === 0x80) {
    throw new FileError(
      `${description}: expected a zip archive, received PyTorch's format from before version 1.6; convert it in Python: ` +
        `torch.save(torch.load("${file}", map_location="cpu", weights_only=True), "${file}")`,
    );
  }
  const found = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new FileError(
    `${description}: expected a PyTorch file (a zip archive, which begins with 50 4b), received ` +
      `${found === "" ? "an empty file" : `a file that begins with ${found}`}`,
  );
}

/** The folder of the archive that everything lies in, with its slash. */
async function findRoot(archive: Archive, description: string): Promise<string> {
  const roots = archive.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name)).map((name) => name.slice(0, -8));
  const [root] = roots;
  if (root === undefined || roots.length > 1) {
    throw new FileError(
      `${description}: expected one NAME/data.pkl in the archive, found ${roots.length}; ` +
        "save the weights with torch.save(model.state_dict(), file)",
    );
  }
  const byteOrder = archive.has(`${root}byteorder`) ? await readText(archive, `${root}byteorder`) : "little";
  if (byteOrder !== "little") {
    throw new FileError(
      `${description}: expected little-endian data, received byte order "${byteOrder}"; save it again`,
    );
  }
  return root;
}

async function readText(archive: Archive, name: string): Promise<string> {
  return new TextDecoder().decode(await archive.read(name, 0, Math.min(archive.size(name), 80))).trim();
}

async function readStateDictionary(
  archive: Archive,
  root: string,
  description: string,
): Promise<ReadonlyMap<string, TensorView>> {
  const pickle = `${root}data.pkl`;
  if (archive.size(pickle) > maxPickleBytes) {
    throw new FileError(
      `${description}: expected a pickle of at most ${maxPickleBytes} bytes, received ${archive.size(pickle)}`,
    );
  }
  const state = unpickle(await archive.read(pickle), torchWorld(description));
  if (!(state instanceof Map)) {
    throw new FileError(`${description}: expected a dictionary of tensors; save model.state_dict() alone`);
  }
  const tensors = new Map<string, TensorView>();
  for (const [name, tensor] of state) {
    if (typeof name !== "string" || !isTensor(tensor)) {
      const key = typeof name === "string" ? `"${name}"` : `a key of type ${typeof name}`;
      throw new FileError(
        `${description}: expected a dictionary of tensors, but ${key} holds something else; save model.state_dict() alone`,
      );
    }
    checkView(archive, root, tensor, `${description}: ${name}`);
    tensors.set(name, tensor);
  }
  return tensors;
}

/** Checks that a tensor lies inside its storage, and the storage in its entry of the archive. */
function checkView(archive: Archive, root: string, tensor: TensorView, what: string): void {
  const { shape, strides, offset, storage } = tensor;
  const entry = entryOf(root, storage.key);
  const expected = storage.count * dtypes[storage.dtype].bytes;
  if (!archive.has(entry))
    throw new FileError(`${what}: expected its values in ${entry}, which the archive does not have`);
  if (archive.size(entry) !== expected) throw storageSize(what, entry, storage.dtype, expected, archive.size(entry));
  const end = offset + spanOf(shape, strides);
  const repeats = elementCount(shape) > Math.max(storage.count, maxRepeated);
  if (end > storage.count || repeats) {
    throw new FileError(
      `${what}: expected a view inside the ${storage.count} elements of ${entry}, received offset ${offset}, ` +
        `shape [${shape.join(", ")}], strides [${strides.join(", ")}]; the file is damaged`,
    );
  }
}

function storageSize(what: string, entry: string, dtype: DType, expected: number, received: number): FileError {
  return new FileError(`${what}: expected ${expected} bytes of ${dtype} in ${entry}, received ${received}`);
}

function entryOf(root: string, key: string): string {
  return `${root}data/${key}`;
}
