/** One call of a function: tracked reads in, checked effects out, the ambient world out of reach. */
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { deepFrozen } from "../cache/freeze.ts";
import { trackedReader } from "../cache/reader.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { describe } from "../kube/kind.ts";
import type { StoredObject } from "../kube/object.ts";
import { formatQuery, type Query } from "../kube/query.ts";
import { checkEffects, type Declared } from "./check-effects.ts";
import type { DefinedFunction } from "./define.ts";
import { TerminalError, type Effects } from "./effects.ts";
import { provenanceOf } from "./provenance.ts";
import { withoutAmbient } from "./purity.ts";
import { shortPath } from "./source-position.ts";

export interface Runnable extends Declared {
  readonly definition: DefinedFunction;
  /** Validated and frozen. */
  readonly config: unknown;
}

export interface Inputs {
  readonly object: StoredObject;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly memo: unknown;
  /** Answers the reads. */
  readonly answer: (query: Query) => readonly StoredObject[];
}

/** A read and how many objects it found. */
interface Read {
  readonly query: Query;
  readonly count: number;
  /** Of a read of what is gone, in the host: the object that it found. */
  readonly gone?: StoredObject | undefined;
}

/** The reads are there in either case: what a failing run looked at can wake it again. */
export type Run =
  | { readonly effects: Effects; readonly error?: undefined; readonly reads: readonly Read[] }
  | { readonly effects?: undefined; readonly error: unknown; readonly reads: readonly Read[] };

/** Never throws: what the function threw is in the result. */
export function runFunction(runnable: Runnable, inputs: Inputs): Run {
  const { name, definition, config } = runnable;
  const reads = new Map<string, Read>();
  // A function that swallows the failure of a read gains nothing: what it made of it is void.
  let failed: unknown;
  const record = (query: Query, { length: count }: readonly StoredObject[]): void =>
    void reads.set(formatQuery(query), { query, count });
  const cache = trackedReader(inputs.answer, record, (error) => void (failed ??= error));
  try {
    const object = deepFrozen(inputs.object);
    const context = deepFrozen({ config, now: inputs.now, memo: inputs.memo });
    const value = withoutAmbient(name, () => heard(definition.reconcile(object, cache, context)));
    if (failed !== undefined) throw failed;
    const effects = checkEffects(value, runnable);
    refuseGrandchildren(name, object, effects);
    return { effects, reads: [...reads.values()] };
  } catch (error) {
    return { error: explained(name, failed ?? error), reads: [...reads.values()] };
  }
}

/** Children that have children of the same function have them without end. Whoever wants a tree can wish for it at its root. */
function refuseGrandchildren(name: string, object: StoredObject, { children = [] }: Effects): void {
  if (children.length === 0 || provenanceOf(object)?.function !== name) return;
  throw new TerminalError(
    `${describe(object)} is itself a child of ${name} and gets no children; return {} where provenanceOf(object) names ${name}, or narrow \`where\``,
  );
}

/** A promise is refused for being one. What it is rejected with must not be taken for another fault, nor end the process. */
function heard(value: unknown): unknown {
  if (value instanceof Promise) value.catch(() => {});
  return value;
}

/**
 * Runs twice with the same inputs: in development, a function that is not one is found at once.
 * @param beforeSecond told between the two
 */
export function runTwice(runnable: Runnable, inputs: Inputs, beforeSecond: () => void = () => {}): Run {
  const first = runFunction(runnable, inputs);
  if (first.effects === undefined) return first;
  beforeSecond();
  const second = runFunction(runnable, inputs);
  let differs: string | undefined;
  try {
    differs = second.effects === undefined ? "threw the second time" : firstDifference(first.effects, second.effects);
  } catch (error) {
    // Effects that are no plain data can throw when they are looked at.
    return { error: explained(runnable.name, error), reads: first.reads };
  }
  if (differs === undefined) return first;
  const error = new EvenkeelError(
    "FUNCTION_NOT_DETERMINISTIC",
    `${runnable.name}: the same inputs gave other effects: ${differs}`,
    { cause: second.error },
  );
  return { error, reads: first.reads };
}

function firstDifference(a: Effects, b: Effects): string | undefined {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Effects>;
  // Strict: no children and an empty list of them are different wishes.
  for (const name of names) if (!isDeepStrictEqual(a[name], b[name])) return name;
  return undefined;
}

/** V8's words for writing to a frozen object; they are only used to choose a better message. */
const FROZEN = /^(Cannot (assign to read only|add|delete|define) property|Cannot (redefine|set) property)/;

/** Total: there are values that throw when they are looked at. */
function explained(name: string, error: unknown): unknown {
  try {
    return explain(name, error);
  } catch {
    return new EvenkeelError("FUNCTION_THREW", `${name} threw something that cannot be looked at`);
  }
}

function explain(name: string, error: unknown): unknown {
  if (error instanceof EvenkeelError || error instanceof TerminalError) return error;
  if (error instanceof TypeError && FROZEN.test(error.message)) {
    return new EvenkeelError("FUNCTION_MUTATED_INPUT", `${name} changed what it was given`, { cause: error });
  }
  const what = `${name} threw ${clipped(describeThrown(error))}`;
  // Logs print causes, so one that says more than is told here must not be among them.
  return isOwnWords(error)
    ? new EvenkeelError("FUNCTION_THREW", what, { cause: error })
    : new EvenkeelError("FUNCTION_THREW", what);
}

/** Whether all that its author wrote is all that it says. */
function isOwnWords(thrown: unknown): boolean {
  return Error.isError(thrown) && thrown.name === "Error" && thrown.cause === undefined;
}

/** A sentence, not a document: it goes into logs, spans and Events. */
const MAX_SAID = 1_024;

function clipped(said: string): string {
  return said.length <= MAX_SAID ? said : `${said.slice(0, MAX_SAID)}…`;
}

/**
 * What was thrown, in words that tell no data: a plain Error says what its author wrote, but V8 quotes values
 * (`"hunter2" is not valid JSON`), so of its errors only the name and the place in the function are told.
 */
function describeThrown(thrown: unknown): string {
  if (!Error.isError(thrown)) {
    if (thrown === undefined || thrown === null) return String(thrown);
    return typeof thrown === "object" ? "an object" : `a ${typeof thrown}`;
  }
  const said = thrown.name === "Error" ? `Error: ${thrown.message}` : thrown.name;
  const [, url, position] = FRAME.exec(thrown.stack ?? "") ?? [];
  return url === undefined ? said : `${said} at ${shortPath(fileURLToPath(url))}${position}`;
}

/** A stack frame in a file that the loader loaded. */
const FRAME = /(file:[^\n]*?)\?evenkeel=\d+(:\d+:\d+)\)?$/m;
