/** How a command says why it cannot run: in one line, and by its exit code. */
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";

/** @returns the exit code: 2 for a command line that makes no sense, as shells and Go's flag package have it; else 1. */
export function reportFailure(error: unknown, stderr: Pick<NodeJS.WriteStream, "write"> = process.stderr): 1 | 2 {
  const isOurs = error instanceof EvenkeelError && error.code !== "BUG";
  stderr.write(`evenkeel: ${isOurs ? reason(error) : (error as Error).stack}\n`);
  return OF_THE_COMMAND_LINE.has(codeOf(error)) ? 2 : 1;
}

const OF_THE_COMMAND_LINE: ReadonlySet<Code> = new Set(["FLAG_INVALID", "MANIFESTS_FLAG_INVALID"]);

/** The message, and the cause where that is one of ours too and is not quoted already. */
function reason({ message, cause }: Error): string {
  const isNews = cause instanceof EvenkeelError && !message.includes(cause.message);
  return isNews ? `${message} (${cause.message})` : message;
}
