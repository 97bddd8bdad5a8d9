/**
 * Where one function lives: the host knows its declaration and asks it to run, and nothing else. A cell of a worker thread
 * contains what the function does wrong; tests have one in their own thread, which gives the same effects.
 */
import type { EvenkeelError } from "../../kube/errors.ts";
import type { Query } from "../../kube/query.ts";
import type { Kind } from "../../kube/kind.ts";
import type { StoredObject } from "../../kube/object.ts";
import type { ConfigReading, DefinedFunction, Subresource } from "../define.ts";
import type { Run } from "../run.ts";

/** What a function declares, as data. */
export interface Declaration {
  readonly watches: Query;
  readonly reads: readonly Query[];
  readonly writes: readonly Kind[];
  readonly applies: readonly Kind[];
  readonly subresources: readonly Subresource[];
}

/** What one run is given, beside the answers to its reads. */
export interface Job {
  readonly object: StoredObject;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly memo: unknown;
  /** Validated. */
  readonly config: unknown;
  /** Run twice and compare. */
  readonly isVerifying: boolean;
}

/** What the cache says to a read, or why it says nothing. */
export type Answer =
  | { readonly objects: readonly StoredObject[]; readonly error?: undefined }
  | { readonly objects?: undefined; readonly error: unknown };

/** By query, as formatQuery prints it. */
export type Answers<A = Answer & { readonly query: Query }> = ReadonlyMap<string, A>;

/** A run that met a read without an answer is void, whatever it returned. */
export type Attempt = Run | { readonly missing: readonly Query[] };

/** What the function did to its threads; what its runs did wrong is their errors. */
export interface ThreadFaults {
  /** How many of its threads it brought to an end. */
  readonly faultCount: number;
  /** Why the last of them ended. */
  readonly error: EvenkeelError;
  /** Until it is tried again; 0: as soon as can be. Undefined: it is not suspended. */
  readonly suspendedForMs: number | undefined;
}

export interface Cell {
  /** The function's. */
  readonly name: string;
  readonly declaration: Declaration;
  /** Undefined while it never brought a thread to an end. */
  readonly threadFaults: ThreadFaults | undefined;
  /** Never throws and never rejects: what goes wrong is the error of the Run. */
  attempt(job: Job, answers: Answers): Attempt | Promise<Attempt>;
  /** The function's section of the configuration, checked. Never throws and never rejects. */
  readConfig(value: unknown): ConfigReading | Promise<ConfigReading>;
  /** Gives back what the cell holds as soon as it has nothing in hand; what it cannot do soon, it refuses. Until it is woken. */
  rest(): void;
  wake(): void;
}

export function declarationOf({ watches, reads, writes, applies, subresources }: DefinedFunction): Declaration {
  return { watches, reads, writes, applies, subresources };
}

/** All that it names, some of them more than once. */
export function kindsOf({ watches, reads, writes, applies, subresources }: Declaration): readonly Kind[] {
  const queried = [watches, ...reads].map(({ kind }) => kind);
  return [...queried, ...writes, ...applies, ...subresources.map(({ of }) => of)];
}
