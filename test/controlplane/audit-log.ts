/** The API server's audit log: the witness of every write, and of who made it. */
import { readFile } from "node:fs/promises";

import { z } from "zod";

/**
 * Metadata of every request that is not a read, once it is answered. The row is written before the end of the answer
 * goes out, so whoever has read a short answer (some KiB) to its end finds the row; a long one may be a moment ahead.
 */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    verbs: [get, list, watch]
  - level: Metadata
`;

export interface AuditRow {
  /** `system:serviceaccount:NAMESPACE:NAME`; `""` of a request that was refused because nobody knows whose it is (401). */
  readonly user: string;
  /** Of RBAC: `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb: string;
  readonly resource: string;
  /** `""` when there is none. */
  readonly subresource: string;
  /** `""` when cluster-scoped. */
  readonly namespace: string;
  /** `""` for generateName and collections. */
  readonly name: string;
  /** HTTP status. */
  readonly code: number;
  readonly stage: "ResponseStarted" | "ResponseComplete" | "Panic";
}

/** What becomes a row of audit.k8s.io/v1 Event. */
const AuditEvent = z.object({
  user: z.object({ username: z.string().default("") }).default({ username: "" }),
  verb: z.string(),
  objectRef: z
    .object({ resource: z.string(), subresource: z.string(), namespace: z.string(), name: z.string() })
    .partial()
    .default({}),
  responseStatus: z.object({ code: z.number().default(0) }).default({ code: 0 }),
  stage: z.enum(["ResponseStarted", "ResponseComplete", "Panic"]),
});

export async function readAuditLog(file: string): Promise<readonly AuditRow[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  lines.pop(); // "" after the last newline, or a row that is being written
  return lines.map((line) => row(AuditEvent.parse(JSON.parse(line))));
}

function row({ user, verb, objectRef, responseStatus, stage }: z.infer<typeof AuditEvent>): AuditRow {
  return {
    user: user.username,
    verb,
    resource: objectRef.resource ?? "",
    subresource: objectRef.subresource ?? "",
    namespace: objectRef.namespace ?? "",
    name: objectRef.name ?? "",
    code: responseStatus.code,
    stage,
  };
}
