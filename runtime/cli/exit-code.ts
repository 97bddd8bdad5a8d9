/** The exit code that a failure to run ends with. */
import { codeOf } from "../kube/errors.ts";

/** 2 for a command line that makes no sense, as shells and Go's flag package have it; 1 for everything else. */
export function exitCode(error: unknown): 1 | 2 {
  return codeOf(error) === "FLAG_INVALID" ? 2 : 1;
}
