/** One request on its way: a key, what its run said, and what has become of it. */
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery } from "../kube/query.ts";
import type { ReconcileTrace } from "../trace/reconcile-trace.ts";
import type { Read } from "../trace/run-span.ts";
import { TerminalError, type Effects } from "./effects.ts";
import type { KeyRecord } from "./key-record.ts";
import { objectId } from "./own-writes.ts";
import type { Write } from "./plan.ts";
import type { Wish } from "./rewrites.ts";
import type { Job } from "./cell/cell.ts";
import type { Run } from "./run.ts";
import type { Tally } from "./tally.ts";

/** What is told about a run, and where. */
export interface About {
  readonly source: StoredObject;
  readonly record: KeyRecord;
  readonly trace: ReconcileTrace;
}

export interface Request extends About {
  readonly key: string;
  readonly job: Job;
  readonly run: Run;
  readonly effects: Effects;
  readonly startedMs: number;
  readonly tally: Tally;
}

/** What a write wants to be true; undefined for those that no reverting can make a loop of. */
export function wishOf(write: Write, source: StoredObject): Wish | undefined {
  if (write.verb !== "create" && write.verb !== "update" && write.verb !== "replace") return undefined;
  return { sourceVersion: source.metadata.resourceVersion, body: write.body };
}

export function isDestructive({ verb }: Write): boolean {
  return verb === "delete" || verb === "release";
}

export function idOf({ kind, name }: Pick<Write, "kind" | "name">): string {
  return objectId(kind, objectKey(name));
}

/** Reads as a trace prints them. */
export function printed(reads: Run["reads"]): readonly Read[] {
  return reads.map(({ query, count }) => ({ query: formatQuery(query), count }));
}

export function codeOfRun(error: unknown): Code {
  return error instanceof TerminalError ? "FUNCTION_GAVE_UP" : codeOf(error);
}

export function asFailure(error: unknown, what: string): EvenkeelError {
  if (error instanceof EvenkeelError) return error;
  if (error instanceof TerminalError)
    return new EvenkeelError("FUNCTION_GAVE_UP", `${what}: ${error.message}`, { cause: error });
  return new EvenkeelError("BUG", what, { cause: error });
}
