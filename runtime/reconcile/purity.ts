/**
 * Runs a function with the ambient world out of reach: clock, chance, timers and network throw a clear error. In a thread that
 * it shares, for as long as the call lasts: that is synchronous, so nobody else can meet the refusing globals. In a thread of
 * its own, for good. Fault finding, not a security boundary.
 */
import { EvenkeelError, type Code } from "../kube/errors.ts";

type Refusal = readonly [target: object, property: string, code: Code, called: string];

const REFUSALS: readonly Refusal[] = [
  [Math, "random", "FUNCTION_USED_RANDOMNESS", "Math.random"],
  ...["performance", "Temporal"].map((name): Refusal => [globalThis, name, "FUNCTION_READ_CLOCK", name]),
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

/** What was first refused during the call that is under way: a function that swallows the error gains nothing. */
let refused: EvenkeelError | undefined;

function throwRefused(): void {
  if (refused !== undefined) throw refused;
}

/** Whether this thread has nothing but one function in it, and the world was taken from it for good. */
let isSealed = false;

/** Takes the ambient world from this thread for good: also from what a function does when it is loaded, and leaves behind. */
export function sealAmbient(name: string): void {
  setAll(swapsFor(name), "refusing");
  isSealed = true;
}

/**
 * Calls `run`. @throws the first refusal, also where the function swallowed it or threw something else; or what it threw.
 * @param name the function's, for messages
 */
export function withoutAmbient<T>(name: string, run: () => T): T {
  refused = undefined;
  const swaps = isSealed ? [] : swapsFor(name);
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
  const present = REFUSALS.filter(([target, property]) => property in target);
  const swaps = present.map(([target, property, code, called]): Swap => {
    const original = (target as Record<string, unknown>)[property];
    // Node defines some globals by a getter alone; as plain properties they can be swapped at the cost of two assignments.
    Object.defineProperty(target, property, { value: original, writable: true, configurable: true, enumerable: false });
    return { target, property, original, refusing: refusing(original as object, code, `${name} used ${called}`) };
  });
  swaps.push({ target: globalThis, property: "Date", original: Date, refusing: datesWithoutNow(name) });
  byName.set(name, swaps);
  return swaps;
}

/** Stands in for a function or an object: any use of it is the refusal. */
function refusing(original: object, code: Code, what: string): unknown {
  const refuse = (): never => {
    refused ??= new EvenkeelError(code, what);
    throw refused;
  };
  return new Proxy(original, new Proxy({}, { get: () => refuse }));
}

/** Dates as a calculation stay; the present moment goes. */
function datesWithoutNow(name: string): unknown {
  const refuse = (called: string): never => {
    refused ??= new EvenkeelError("FUNCTION_READ_CLOCK", `${name} used ${called}`);
    throw refused;
  };
  return new Proxy(Date, {
    apply: () => refuse("Date()"),
    construct: (target, args, self) =>
      args.length === 0 ? refuse("new Date()") : (Reflect.construct(target, args, self) as object),
    get: (target, property, self) => (property === "now" ? refuse("Date.now") : Reflect.get(target, property, self)),
  });
}
