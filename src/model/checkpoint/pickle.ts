/**
 * A restricted pickle machine, protocols 2 to 5: numbers, strings, lists, tuples, dictionaries, and what the caller's
 * `globals` make of them. Nothing else.
 *
 * Python's pickle is a program for a stack machine that may import any name and call it. This one looks names up in a
 * table and refuses all others, so that loading a file can do no more than the table's functions do.
 * Opcodes: https://docs.python.org/3/library/pickletools.html
 *
 * Tuples and lists become arrays, dictionaries become Maps.
 */

import { FileError } from "../../errors.ts";

export interface PickleWorld {
  /** How to call the file in a message. */
  readonly what: string;
  /** What the names that the pickle may import stand for. */
  readonly globals: ReadonlyMap<string, unknown>;
  /** Calls one of the globals, or refuses. */
  call(callee: unknown, args: readonly unknown[]): unknown;
  /** The object behind a persistent id, or refuses. */
  load(id: unknown): unknown;
}

/** Where a MARK opcode put its mark on the stack. */
const mark = Symbol("mark");

/** Text of a global's name and of strings; damaged UTF-8 is refused. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The object that a pickle describes.
 * @throws FileError for a name outside `world.globals`, an opcode outside the subset, or a damaged pickle.
 */
export function unpickle(bytes: Uint8Array, world: PickleWorld): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;

  for (;;) {
    const opcode = take(1).getUint8(0);
    switch (opcode) {
      case 0x80: // PROTO
        checkProtocol(take(1).getUint8(0));
        break;
      case 0x95: // FRAME: a hint for buffered reading
        take(8);
        break;
      case 0x2e: // STOP
        return finish();

      case 0x28: // MARK
        stack.push(mark);
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x31: // POP_MARK
        popToMark();
        break;
      case 0x32: // DUP
        stack.push(top());
        break;

      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(take(4).getInt32(0, true));
        break;
      case 0x4b: // BININT1
        stack.push(take(1).getUint8(0));
        break;
      case 0x4d: // BININT2
        stack.push(take(2).getUint16(0, true));
        break;
      case 0x8a: // LONG1
        stack.push(long(take(1).getUint8(0)));
        break;
      case 0x8b: // LONG4
        stack.push(long(take(4).getUint32(0, true)));
        break;
      case 0x47: // BINFLOAT
        stack.push(take(8).getFloat64(0, false));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text(take(1).getUint8(0)));
        break;
      case 0x58: // BINUNICODE
        stack.push(text(take(4).getUint32(0, true)));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(text(Number(take(8).getBigUint64(0, true))));
        break;

      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        stack.push(popMany(opcode - 0x84));
        break;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        stack.push(popToMark());
        break;
      case 0x61: // APPEND
        append([pop()]);
        break;
      case 0x65: // APPENDS
        append(popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x64: {
        // DICT
        const items = popToMark();
        stack.push(new Map());
        setItems(items);
        break;
      }
      case 0x73: // SETITEM
        setItems(popMany(2));
        break;
      case 0x75: // SETITEMS
        setItems(popToMark());
        break;

      case 0x71: // BINPUT
        memo.set(take(1).getUint8(0), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(take(4).getUint32(0, true), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        stack.push(recall(take(1).getUint8(0)));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(recall(take(4).getUint32(0, true)));
        break;

      case 0x63: // GLOBAL
        stack.push(global(line(), line()));
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = popMany(2);
        stack.push(global(module, name));
        break;
      }
      case 0x52: {
        // REDUCE
        const [callee, args] = popMany(2);
        if (!Array.isArray(args)) throw damaged("a call without a tuple of arguments");
        stack.push(world.call(callee, args));
        break;
      }
      case 0x62: // BUILD: an object's attributes, of which a state dictionary's `_metadata` is one; none is needed
        pop();
        if (!(top() instanceof Map)) throw refused("to set the attributes of an object that is not a dictionary");
        break;
      case 0x51: // BINPERSID
        stack.push(world.load(pop()));
        break;

      default:
        throw refused(`the pickle opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at - 1}`);
    }
  }

  function take(count: number): DataView {
    if (!(count <= bytes.byteLength - at)) throw damaged("an end in the middle of an opcode");
    at += count;
    return new DataView(view.buffer, view.byteOffset + at - count, count);
  }

  function text(length: number): string {
    const part = take(length);
    try {
      return utf8.decode(part);
    } catch (error) {
      throw new FileError(`${world.what}: expected UTF-8 in a string of the pickle; the file is damaged`, {
        cause: error,
      });
    }
  }

  /** Characters up to the next line feed, which is left out. */
  function line(): string {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw damaged("a name without an end");
    const found = text(end - at);
    at = end + 1;
    return found;
  }

  /** A little-endian two's complement integer; one that float64 cannot hold becomes a bigint. */
  function long(length: number): number | bigint {
    // The longest integers in a checkpoint are 64-bit sizes; Python's own may be of any length.
    if (length > 16) throw refused(`an integer of ${length} bytes`);
    const digits = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits.getUint8(i));
    const signed = BigInt.asIntN(8 * length, value);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  function top(): unknown {
    const value = stack.at(-1);
    if (stack.length === 0) throw damaged("an empty stack");
    if (value === mark) throw damaged("a mark instead of a value");
    return value;
  }

  function pop(): unknown {
    const value = top();
    stack.pop();
    return value;
  }

  function popMany(count: number): unknown[] {
    return Array.from({ length: count }, pop).reverse();
  }

  function popToMark(): unknown[] {
    const start = stack.lastIndexOf(mark);
    if (start < 0) throw damaged("no mark on the stack");
    const values = stack.splice(start);
    return values.slice(1);
  }

  function append(values: readonly unknown[]): void {
    const list = top();
    if (!Array.isArray(list)) throw damaged("items for something that is no list");
    for (const value of values) list.push(value);
  }

  function setItems(items: readonly unknown[]): void {
    const dictionary = top();
    if (!(dictionary instanceof Map)) throw refused("to set items of something that is no dictionary");
    if (items.length % 2 !== 0) throw damaged("a key without a value");
    for (let i = 0; i < items.length; i += 2) {
      if (dictionary.has(items[i])) throw damaged(`the ${describeKey(items[i])} twice in a dictionary`);
      dictionary.set(items[i], items[i + 1]);
    }
  }

  function describeKey(key: unknown): string {
    return typeof key === "string" ? `key ${JSON.stringify(key)}` : "same key";
  }

  function recall(index: number): unknown {
    if (!memo.has(index)) throw damaged(`a reference to the object ${index} that was not stored`);
    return memo.get(index);
  }

  function global(module: unknown, name: unknown): unknown {
    if (typeof module !== "string" || typeof name !== "string") throw damaged("an import without a name");
    const path = `${module}.${name}`;
    if (!world.globals.has(path)) throw refused(`the Python object ${path}`);
    return world.globals.get(path);
  }

  function checkProtocol(version: number): void {
    if (version < 2 || version > 5) throw refused(`pickle protocol ${version} (2 to 5 are read)`);
  }

  function finish(): unknown {
    const value = pop();
    if (stack.length > 0) throw damaged(`${stack.length} values left over at its end`);
    return value;
  }

  function damaged(found: string): FileError {
    return new FileError(`${world.what}: expected a complete pickle, received ${found}; the file is damaged`);
  }

  function refused(request: string): FileError {
    return new FileError(
      `${world.what}: expected a pickle of tensors only, but it asks for ${request}; convert the model to safetensors ` +
        "with a program that you trust",
    );
  }
}
