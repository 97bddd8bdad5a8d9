/**
 * What a function asks for in one step cannot be taken back from outside, and some of it V8 ends the process for. So buffers,
 * long arrays and long texts have a budget for each task, and what the function keeps from task to task has a limit.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EvenkeelError } from "../../kube/errors.ts";

const MIB = 1024 * 1024;
/** The largest object that an API server takes is some 1.5 MiB. */
const MAX_TASK_BYTES = 64 * MIB;
/** What a function may hold: what it is given, keeps and returns, and its buffers. */
export const MAX_HELD_BYTES = 96 * MIB;

// Taken aside: what a function makes of the language afterwards does not reach what is used here.
const { apply, construct, defineProperty } = Reflect;

/** So much garbage may lie about: collecting it takes some milliseconds. */
const SLACK_BYTES = 32 * MIB;

type Constructor = new (...args: never[]) => object;

export class BufferBudget {
  readonly #name: string;
  #asked = 0;
  /** What was held when the garbage was last collected. */
  #live = 0;
  #broken: EvenkeelError | undefined;

  /** From now on, buffers of this thread are counted. @param name the function's, for messages */
  constructor(name: string) {
    this.#name = name;
    const global = globalThis as unknown as Record<string, Constructor & { readonly BYTES_PER_ELEMENT?: number }>;
    for (const constructor of CONSTRUCTORS) {
      const original = global[constructor];
      if (original === undefined) continue;
      const size = constructor === "Array" ? 8 : (original.BYTES_PER_ELEMENT ?? 1);
      const lengthIn = constructor === "Array" ? first : lengthOf;
      global[constructor] = new Proxy(original, {
        apply: (target, self, args: unknown[]): unknown => {
          this.#count(lengthIn(args), size);
          return apply(target, self, args);
        },
        construct: (target, args: unknown[], self) => {
          this.#count(lengthIn(args), size);
          return construct(target, args, self) as object;
        },
      });
    }
    for (const method of ["alloc", "allocUnsafe", "allocUnsafeSlow"]) this.#guard(Buffer, method, first);
    for (const method of ["padStart", "padEnd"]) this.#guard(String.prototype, method, ([length]) => Number(length));
    this.#guard(String.prototype, "repeat", ([count], text) => Number(count) * String(text).length);
    for (const method of OF_LISTS) this.#guard(Array.prototype, method, endless);
    for (const method of OF_TEXTS) this.#guard(String.prototype, method, overlong);
    for (const method of OF_EXPRESSIONS) this.#guard(RegExp.prototype, method, overlong);
    for (const method of OF_BUFFERS) this.#guard(ArrayBuffer.prototype, method, lengthOf);
    for (const method of OF_FIELDS) this.#guard(Object, method, manyFields);
    this.#guard(Reflect, "ownKeys", manyFields);
    this.#guard(JSON, "parse", overlong);
    this.#guard(Array, "from", ([items]) => 8 * Number((items as { readonly length?: unknown } | undefined)?.length));
  }

  #guard(owner: object, method: string | symbol, bytes: (args: readonly unknown[], self: unknown) => unknown): void {
    const original: unknown = Reflect.get(owner, method);
    if (typeof original !== "function") return;
    const guarded = new Proxy(original, {
      apply: (target, self, args: unknown[]): unknown => {
        this.#count(bytes(args, self), 1);
        return apply(target, self, args);
      },
    });
    defineProperty(owner, method, { value: guarded, writable: true, configurable: true });
  }

  /** A new task begins. */
  reset(): void {
    this.#asked = 0;
    this.#broken = undefined;
  }

  /** What the task did beyond its budget, whether or not it swallowed the refusal; or what the function keeps. */
  check(): EvenkeelError | undefined {
    if (this.#broken !== undefined) return this.#broken;
    let kept = heldBytes();
    // What one task left behind must not be laid at the door of the next.
    if (kept > this.#live + SLACK_BYTES) {
      collect();
      kept = heldBytes();
      this.#live = kept;
    }
    return kept > MAX_HELD_BYTES ? this.#error("keeps", kept) : undefined;
  }

  #count(length: unknown, size: number): void {
    if (typeof length !== "number" || !(length > 0)) return;
    this.#asked += length * size;
    if (this.#asked <= MAX_TASK_BYTES) return;
    this.#broken ??= this.#error("asked for", this.#asked);
    throw this.#broken;
  }

  #error(verb: string, bytes: number): EvenkeelError {
    const what = `${this.#name} ${verb} ${Math.ceil(bytes / MIB)} MiB`;
    return new EvenkeelError("FUNCTION_OUT_OF_MEMORY", what);
  }
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  return heap + buffers;
}

let gc: (() => void) | undefined;

/**
 * V8 gives its collector to a new context alone, and only while the flag stands. It is taken back at once: compiled code on
 * the disk counts only for the flags under which it was made.
 */
function collect(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
    setFlagsFromString("--no-expose-gc");
  }
  gc();
}

const CONSTRUCTORS = [
  "Array",
  "ArrayBuffer",
  "SharedArrayBuffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;

/**
 * Methods that go through a list, or copy it, in one step that cannot be broken off, hole by hole: a list can be as long as
 * four billion and hold nothing. A number of seconds as an index is enough.
 */
const OF_LISTS = [
  "copyWithin",
  "every",
  "fill",
  "filter",
  "flat",
  "flatMap",
  "forEach",
  "indexOf",
  "join",
  "lastIndexOf",
  "map",
  "reduce",
  "reduceRight",
  "reverse",
  "shift",
  "slice",
  "some",
  "sort",
  "splice",
  "toReversed",
  "toSorted",
  "toSpliced",
  "unshift",
  "with",
] as const;

/** Methods that make a list of all they find in a text: one that is too long for V8 ends the process. */
const OF_TEXTS = ["anchor", "fontcolor", "fontsize", "link", "match", "replace", "replaceAll", "split"] as const;

const OF_EXPRESSIONS = [Symbol.match, Symbol.matchAll, Symbol.replace, Symbol.split] as const;

const OF_BUFFERS = ["resize", "transfer", "transferToFixedLength"] as const;

/** Methods that make a name of each place of a text or a buffer. */
const OF_FIELDS = ["assign", "entries", "getOwnPropertyDescriptors", "getOwnPropertyNames", "keys", "values"] as const;

/** Of memory, for each of them. */
const NAME_BYTES = 32;

/** Nothing for texts of a size that occurs. A longer one need not have been asked for: put together of shorter ones, it is free. */
function overlong([text]: readonly unknown[], self: unknown): number {
  return charsOver(self) + charsOver(text);
}

function charsOver(text: unknown): number {
  return typeof text === "string" && text.length > MAX_TASK_BYTES ? text.length : 0;
}

/** Nothing for a list of a size that occurs: it is there already. */
function endless(_args: readonly unknown[], self: unknown): number {
  const { length } = self as { readonly length: number };
  return 8 * length > MAX_TASK_BYTES ? 8 * length : 0;
}

/** Nothing for objects: they have no more fields than they were given. */
function manyFields(of: readonly unknown[]): number {
  let bytes = 0;
  for (const value of of) {
    if (typeof value === "string") bytes += NAME_BYTES * value.length;
    else if (ArrayBuffer.isView(value)) bytes += NAME_BYTES * value.byteLength;
  }
  return bytes > MAX_TASK_BYTES ? bytes : 0;
}

function first([length]: readonly unknown[]): unknown {
  return length;
}

/** Of a buffer that is made of the first argument: a number, what is taken for one, or a list. */
function lengthOf([given]: readonly unknown[]): number {
  const isList = typeof given === "object" && given !== null;
  return Number(isList ? (given as { readonly length?: unknown }).length : given);
}
