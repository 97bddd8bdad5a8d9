/**
 * Runs a function with the ambient world out of reach: clock, chance, timers and network throw a clear error. In a thread that
 * it shares, for as long as the call lasts: that is synchronous, so nobody else can meet the refusing globals. In a thread of
 * its own, for good, and there only what is known to be harmless stays. Fault finding, not a security boundary.
 *
 * Not refused: the local time zone and locale, which are the process's own; and `import.meta.url` and the stacks of errors, which
 * name the file and how often it was loaded. Node has no hook that would keep these from a module.
 */
import { EvenkeelError, type Code } from "../kube/errors.ts";

type Refusal = readonly [target: object, property: string, code: Code, called: string];

const REFUSALS: readonly Refusal[] = [
  [Math, "random", "FUNCTION_USED_RANDOMNESS", "Math.random"],
  [globalThis, "performance", "FUNCTION_READ_CLOCK", "performance"],
  [Temporal, "Now", "FUNCTION_READ_CLOCK", "Temporal.Now"],
  [globalThis, "crypto", "FUNCTION_USED_RANDOMNESS", "crypto"],
  ...[
    "fetch",
    "WebSocket",
    "EventSource",
    "XMLHttpRequest",
    "process",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
    "navigator",
    "BroadcastChannel",
    "MessageChannel",
    "WebAssembly",
  ].map((name): Refusal => [globalThis, name, "FUNCTION_REACHED_OUT", name]),
];

/** Those of them that are no functions. */
const OBJECTS: ReadonlySet<string> = new Set(["performance", "crypto", "process", "navigator", "WebAssembly"]);

/** The language, and of what Node adds to it that which only computes. */
const KEPT: ReadonlySet<string> = new Set(
  `
  globalThis global undefined NaN Infinity eval isFinite isNaN parseFloat parseInt escape unescape
  decodeURI decodeURIComponent encodeURI encodeURIComponent
  Object Function Boolean Symbol Number BigInt Math Date Temporal Intl String RegExp Promise Iterator Proxy Reflect JSON
  Map Set WeakMap WeakSet DisposableStack AsyncDisposableStack
  Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError DOMException
  Array ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array
  Float16Array Float32Array Float64Array BigInt64Array BigUint64Array
  Buffer URL URLSearchParams URLPattern TextEncoder TextDecoder structuredClone atob btoa
  console __zod_globalConfig __zod_globalRegistry
  `
    .trim()
    .split(/\s+/),
);

/**
 * Removed globals that reveal the time get that error code, all others FUNCTION_REACHED_OUT. An event carries the moment at
 * which it was made.
 */
const CODES: Readonly<Record<string, Code>> = {
  Event: "FUNCTION_READ_CLOCK",
  CustomEvent: "FUNCTION_READ_CLOCK",
  MessageEvent: "FUNCTION_READ_CLOCK",
  File: "FUNCTION_READ_CLOCK",
  PerformanceMark: "FUNCTION_READ_CLOCK",
  PerformanceMeasure: "FUNCTION_READ_CLOCK",
};

// Taken aside: what a function makes of the language afterwards does not reach what is used here.
const { apply, construct, defineProperty, deleteProperty, get } = Reflect;
const { getOwnPropertyNames } = Object;

/** What was first refused during the call that is under way: a function that swallows the error gains nothing. */
let refused: EvenkeelError | undefined;

function throwRefused(): void {
  if (refused !== undefined) throw refused;
}

function refuse(code: Code, what: string): never {
  refused ??= new EvenkeelError(code, what);
  throw refused;
}

/** The function that runs, or that this thread is for. */
let inside: string | undefined;

/** Whether this thread has nothing but one function in it, and the world was taken from it for good. */
let isSealed = false;

/** Whether what is sealed has its function. */
let isLoaded = false;

/**
 * Node takes the types out of a file with a module of WebAssembly, where the compile cache has no such version of it yet. It
 * does without the registry when there is none, and with no more of WebAssembly than this.
 */
const STRIPPER_MINDS: ReadonlySet<string> = new Set(["WebAssembly", "FinalizationRegistry"]);

/** Whoever keeps it gains nothing: it ends with the load. */
function forStripper(name: string): object {
  const used = `${name} used WebAssembly`;
  const whileLoading = (constructor: new () => object): object =>
    new Proxy(constructor, {
      construct: (target, args) =>
        isLoaded ? refuse("FUNCTION_REACHED_OUT", used) : (construct(target, args) as object),
    });
  const { Module, Instance } = get(globalThis, "WebAssembly") as Record<"Module" | "Instance", new () => object>;
  return { Module: whileLoading(Module), Instance: whileLoading(Instance) };
}

/**
 * Takes the ambient world from this thread for good: also from what a function does when it is loaded, and leaves behind.
 * @param isLoading what loading needs stays, until the next call
 */
export function sealAmbient(name: string, { isLoading = false }: { readonly isLoading?: boolean } = {}): void {
  const stays = (property: string): boolean => KEPT.has(property) || (isLoading && STRIPPER_MINDS.has(property));
  for (const [target, property] of REFUSALS)
    if (target === globalThis && property in target && !stays(property))
      replaceUnseen(property, OBJECTS.has(property) ? {} : unmade);
  const swaps = swapsFor(name).filter(({ property }) => !stays(property) || property === "Date");
  setAll(swaps, "refusing");
  // Otherwise every date is a way back to the constructor that knows the time. Not for one call: it slows down all code.
  defineProperty(Date.prototype, "constructor", { value: Date, writable: true, configurable: true });
  const swapped = new Set(swaps.filter(({ target }) => target === globalThis).map(({ property }) => property));
  for (const property of [...getOwnPropertyNames(globalThis), "FinalizationRegistry"]) {
    if (stays(property) || swapped.has(property)) continue;
    const stand = refusing(unmade, CODES[property] ?? "FUNCTION_REACHED_OUT", `${name} used ${property}`);
    replaceUnseen(property, stand);
  }
  if (isLoading) {
    deleteProperty(globalThis, "FinalizationRegistry");
    replaceUnseen("WebAssembly", forStripper(name));
  }
  inside = name;
  isSealed = true;
  isLoaded = !isLoading;
}

/** In the place of functions and classes that nobody will call. */
function unmade(): void {}

/**
 * Node makes some of the world when it is first looked at, be it for its descriptor only, and fetch with all that belongs to it
 * costs a thread 30 ms and 7 MiB. Deleting does not look.
 */
function replaceUnseen(property: string, value: unknown): void {
  // V8's own `gc`, where that was asked for, cannot be deleted; it computes nothing.
  if (deleteProperty(globalThis, property))
    defineProperty(globalThis, property, { value, writable: true, configurable: true, enumerable: false });
}

/**
 * Calls `run`. @throws the first refusal, also where the function swallowed it or threw something else; or what it threw.
 * @param name the function's, for messages
 */
export function withoutAmbient<T>(name: string, run: () => T): T {
  refused = undefined;
  const swaps = isSealed ? [] : swapsFor(name);
  const outside = inside;
  inside = name;
  setAll(swaps, "refusing");
  try {
    const result = run();
    throwRefused();
    return result;
  } catch (error) {
    throwRefused();
    throw error;
  } finally {
    setAll(swaps, "original");
    inside = outside;
  }
}

function setAll(swaps: readonly Swap[], which: "original" | "refusing"): void {
  for (const swap of swaps) (swap.target as Record<string, unknown>)[swap.property] = swap[which];
}

interface Swap {
  readonly target: object;
  readonly property: string;
  readonly original: unknown;
  readonly refusing: unknown;
}

/** One set of refusing stand-ins per function name, made at its first call. */
const byName = new Map<string, readonly Swap[]>();

function swapsFor(name: string): readonly Swap[] {
  const known = byName.get(name);
  if (known !== undefined) return known;
  guardFormats();
  const present = REFUSALS.filter(([target, property]) => property in target);
  const swaps = present.map(([target, property, code, called]): Swap => {
    const original = (target as Record<string, unknown>)[property];
    // Node defines some globals by a getter alone; as plain properties they can be swapped at the cost of two assignments.
    defineProperty(target, property, { value: original, writable: true, configurable: true, enumerable: false });
    return { target, property, original, refusing: refusing(original as object, code, `${name} used ${called}`) };
  });
  swaps.push({ target: globalThis, property: "Date", original: Date, refusing: datesWithoutNow(name) });
  byName.set(name, swaps);
  return swaps;
}

/** Stands in for a function or an object. Whatever use is made of it is the refusal. */
function refusing(original: object, code: Code, what: string): unknown {
  return new Proxy(original, new Proxy({}, { get: () => () => refuse(code, what) }));
}

/** Dates as a calculation stay; the present moment goes. */
function datesWithoutNow(name: string): unknown {
  const refuseNow = (called: string): never => refuse("FUNCTION_READ_CLOCK", `${name} used ${called}`);
  return new Proxy(Date, {
    apply: () => refuseNow("Date()"),
    construct: (target, args, self) =>
      args.length === 0 ? refuseNow("new Date()") : (construct(target, args, self) as object),
    get: (target, property, self) => (property === "now" ? refuseNow("Date.now") : get(target, property, self)),
  });
}

let areFormatsGuarded = false;

type Format = (this: Intl.DateTimeFormat, date?: Date | number) => unknown;

/** A format of dates, asked to format none, formats the present moment. Guarded once: it costs nothing outside a function. */
function guardFormats(): void {
  if (areFormatsGuarded) return;
  areFormatsGuarded = true;
  const { prototype } = Intl.DateTimeFormat;
  const { format, formatToParts } = Object.getOwnPropertyDescriptors(prototype) as unknown as {
    readonly format: { readonly get: (this: Intl.DateTimeFormat) => Format };
    readonly formatToParts: { readonly value: Format };
  };
  defineProperty(prototype, "format", {
    ...format,
    get(this: Intl.DateTimeFormat) {
      return guarded(apply(format.get, this, []));
    },
  });
  defineProperty(prototype, "formatToParts", { ...formatToParts, value: guarded(formatToParts.value) });
}

function guarded(format: Format): Format {
  return new Proxy(format, {
    apply(target, self, args: unknown[]) {
      if (args[0] === undefined && inside !== undefined)
        refuse("FUNCTION_READ_CLOCK", `${inside} used Intl.DateTimeFormat without a date`);
      return apply(target, self, args);
    },
  });
}
