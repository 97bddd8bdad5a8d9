/** What the contract's cases read out of an answer. */
import assert from "node:assert/strict";
import { type Json, at, isList } from "../../../runtime/apiserver/object.ts";
import type { Answer } from "../client.ts";

export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

export function version({ body }: Answer): string {
  return textAt(body, "metadata", "resourceVersion");
}

export function uidOf({ body }: Answer): string {
  return textAt(body, "metadata", "uid");
}

export function items({ body }: Answer): readonly Json[] {
  const found = body["items"];
  return isList(found) ? found : [];
}

export function names(answer: Answer): readonly string[] {
  return items(answer).map((item) => textAt(item, "metadata", "name"));
}

/** The parts of a failure that clients act on. */
export function refused({ body, status }: Answer, code: number, reason: string): void {
  assert.deepEqual(
    { status, code: body["code"], reason: body["reason"], kind: body["kind"] },
    { status: code, code, reason, kind: "Status" },
  );
}

export function causes({ body }: Answer): readonly string[] {
  const found = at(body, "details", "causes");
  return isList(found) ? found.map((cause) => `${textAt(cause, "reason")} ${textAt(cause, "field")}`) : [];
}

export function managers({ body }: Answer): readonly string[] {
  const entries = at(body, "metadata", "managedFields");
  return isList(entries) ? entries.map((entry) => `${textAt(entry, "operation")} ${textAt(entry, "manager")}`) : [];
}
