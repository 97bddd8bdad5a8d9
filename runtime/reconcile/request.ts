/** One request on its way: a key, what its run said, and what has become of it. */
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";
import { objectId, type Kind } from "../kube/kind.ts";
import { objectKey, type ObjectName, type StoredObject } from "../kube/object.ts";
import { formatQuery } from "../kube/query.ts";
import type { ReconcileTrace } from "../trace/reconcile-trace.ts";
import type { Read } from "../trace/run-span.ts";
import { TerminalError, type Effects } from "./effects.ts";
import type { KeyRecord } from "./key-record.ts";
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
export function wishOf(write: Write, { record: { inputs } }: Pick<About, "record">): Wish | undefined {
  switch (write.verb) {
    case "create":
    case "update":
    case "replace":
      return { inputs, body: write.body, isCreate: write.verb === "create" };
    case "status":
      return { inputs: undefined, body: write.body, isCreate: false };
    case "scale":
      return { inputs, body: write.patch, isCreate: false };
    // A field that another holds is never taken back, but a function may follow what it writes itself.
    case "apply":
      return { inputs, body: write.body, isCreate: false };
    // What was deleted or let go is nobody's wish any more.
    case "delete":
    case "release":
      return undefined;
  }
}

export function isDestructive({ verb }: Write): boolean {
  return verb === "delete" || verb === "release";
}

/** {@link objectId} of what a write, or a wish, is about: `v1/ConfigMap team-a/settings`. */
export function idOf({ kind, name }: Pick<Write, "kind" | "name">): string {
  return objectId(kind, objectKey(name));
}

/** What a write changes, by name: an object, or its status or scale alone, which nothing else stands in the way of. */
export function targetId(write: Write): string {
  const { verb, kind, name } = write;
  return verb === "status" || verb === "scale" ? subresourceId(kind, name, verb) : idOf(write);
}

/** `apps/v1/Deployment/scale default/web` */
export function subresourceId({ apiVersion, kind }: Kind, name: ObjectName, subresource: "status" | "scale"): string {
  return objectId({ apiVersion, kind: `${kind}/${subresource}` }, objectKey(name));
}

/** Reads as a trace prints them. */
export function printed(reads: Run["reads"]): readonly Read[] {
  return reads.map(({ query, count }) => ({ query: formatQuery(query), count }));
}

export function codeOfRun(error: unknown): Code {
  return error instanceof TerminalError ? "FUNCTION_GAVE_UP" : codeOf(error);
}

/**
 * Whatever was thrown as an error of ours: FUNCTION_GAVE_UP for a TerminalError, BUG for what nobody foresaw.
 * @param what what failed, and which: begins the message of what is not ours yet
 */
export function asFailure(error: unknown, what: string): EvenkeelError {
  if (error instanceof EvenkeelError) return error;
  if (error instanceof TerminalError)
    return new EvenkeelError("FUNCTION_GAVE_UP", `${what}: ${error.message}`, { cause: error });
  return new EvenkeelError("BUG", what, { cause: error });
}
