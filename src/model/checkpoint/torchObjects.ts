/**
 * What a state dictionary's pickle may import, and nothing more: ordered dictionaries, storages, and the functions that
 * make a tensor of a storage. The names are those that PyTorch's own restricted loader allows for plain tensors.
 */

import { FileError } from "../../errors.ts";
import type { DType } from "./dtype.ts";
import type { PickleWorld } from "./pickle.ts";

/** Values in a row, in an entry of the archive. */
export interface Storage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: DType;
  /** Number of elements. */
  readonly count: number;
}

export interface TensorView {
  readonly kind: "tensor";
  readonly storage: Storage;
  /** Where its first element lies, and how far apart neighbours along each axis are, in elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

interface StorageType {
  readonly kind: "storage type";
  readonly dtype: DType;
}

/** A function that the pickle may call. */
interface Callable {
  readonly kind: "function";
  readonly apply: (what: string, args: readonly unknown[]) => unknown;
}

/** Storage classes by name. */
const storageTypes: { readonly [name: string]: DType } = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** Functions by name. */
const functions: { readonly [name: string]: Callable["apply"] } = {
  "collections.OrderedDict": (what, args) => {
    if (args.length > 0) throw unusual(what, "an ordered dictionary that is made with contents");
    return new Map();
  },
  "torch._utils._rebuild_tensor": makeTensor,
  "torch._utils._rebuild_tensor_v2": (what, args) => {
    const metadata = args[6];
    if (metadata instanceof Map && metadata.size > 0) throw unusual(what, "a tensor marked as conjugate or negative");
    return makeTensor(what, args);
  },
  "torch._utils._rebuild_parameter": (what, [data]) => {
    if (!isTensor(data)) throw unusual(what, "a parameter that is no tensor");
    return data;
  },
};

const globals: ReadonlyMap<string, StorageType | Callable> = new Map<string, StorageType | Callable>([
  ...Object.entries(storageTypes).map(([name, dtype]) => [name, { kind: "storage type", dtype }] as const),
  ...Object.entries(functions).map(([name, apply]) => [name, { kind: "function", apply }] as const),
]);

/** The world of a state dictionary's pickle; `what` is how to call the file in a message. */
export function torchWorld(what: string): PickleWorld {
  return {
    what,
    globals,
    call: (callee, args) => {
      if (!isKind<Callable>(callee, "function")) throw unusual(what, "a call of something that is no function");
      return callee.apply(what, args);
    },
    load: (id) => {
      const [tag, type, key, , count]: readonly unknown[] = Array.isArray(id) ? id : [];
      const fits = tag === "storage" && isKind<StorageType>(type, "storage type");
      if (!fits || typeof key !== "string" || !isCount(count)) {
        throw unusual(what, "a persistent object that is no storage");
      }
      return { kind: "storage", key, dtype: type.dtype, count } satisfies Storage;
    },
  };
}

/** Whether a value that a pickle made is a tensor. */
export function isTensor(value: unknown): value is TensorView {
  return isKind<TensorView>(value, "tensor");
}

function makeTensor(what: string, [storage, offset, shape, strides]: readonly unknown[]): TensorView {
  const fits = isKind<Storage>(storage, "storage") && isCount(offset) && isCounts(shape) && isCounts(strides);
  if (fits && shape.length === strides.length) return { kind: "tensor", storage, offset, shape, strides };
  throw unusual(what, "a tensor whose storage, offset, shape and strides do not fit together");
}

function unusual(what: string, found: string): FileError {
  return new FileError(
    `${what}: expected a dictionary of plain tensors, received ${found}; save model.state_dict() with torch.save`,
  );
}

/** A pickle's own values are plain values, arrays and Maps, so only objects made in this file have a kind. */
function isKind<Made extends { readonly kind: string }>(value: unknown, kind: Made["kind"]): value is Made {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
