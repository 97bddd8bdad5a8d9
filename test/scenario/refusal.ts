/** An API server's answer that refuses, and says why. */
import type { Fault } from "../support/in-process-transport.ts";

export const refusal = (status: number, reason: string, message: string): Fault => ({
  do: "answer",
  status,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, code: status, message },
});

export const denial = refusal(403, "Forbidden", "no");
