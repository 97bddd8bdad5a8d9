/** Whatever stopped a function from loading, as one error that names file, line and column. */
import { inspect } from "node:util";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../kube/errors.ts";
import type { Sources } from "./sources.ts";
import { shortPath } from "./source-position.ts";
import { caret, locateSyntaxError } from "./syntax-check.ts";

/**
 * @param thrown what `import()` of the function rejected with: ours, V8's, the type stripper's or the function's own.
 * @param file the function's file, named where nothing better is known.
 */
export async function loadError(thrown: unknown, file: string, { last }: Sources): Promise<EvenkeelError> {
  if (thrown instanceof EvenkeelError && thrown.code === "FUNCTION_LOAD_FAILED") return thrown;
  const where = (await position(thrown, last)) ?? shortPath(file);
  if (thrown instanceof EvenkeelError)
    return new EvenkeelError(thrown.code, `${where}: ${thrown.what}`, { cause: thrown });
  return new EvenkeelError("FUNCTION_LOAD_FAILED", `${where}: ${explain(thrown)}`, { cause: thrown });
}

async function position(thrown: unknown, last: Sources["last"]): Promise<string | undefined> {
  if (!Error.isError(thrown)) return undefined;
  const stack = String(thrown.stack);
  const marked = /^(file:[^\n]*?)(?:\?evenkeel=\d+)?(:\d+)\n/.exec(stack);
  // No caret stands below an end that comes too early.
  if (marked !== null) return `${pathIn(marked[1])}${caret(stack) ?? `${marked[2]}:1`}`;
  const frame = /(file:[^\n]*?)\?evenkeel=\d+(:\d+:\d+)\)?$/m.exec(stack);
  if (frame !== null) return `${pathIn(frame[1])}${frame[2]}`;
  if (!(thrown instanceof SyntaxError) || last === undefined) return undefined;
  // In the words of JSON.parse; an end that comes too early has no place.
  if (last.path.endsWith(".json")) {
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(thrown.message) ?? [];
    return line === undefined ? shortPath(last.path) : `${shortPath(last.path)}:${line}:${column}`;
  }
  const language = /\.m?ts$/.test(last.path) ? "typescript" : "javascript";
  return `${shortPath(last.path)}${await locateSyntaxError(last.text, language)}`;
}

const pathIn = (url = ""): string => shortPath(fileURLToPath(url));

function explain(thrown: unknown): string {
  if (!Error.isError(thrown)) return `threw ${inspect(thrown, { depth: 0, breakLength: Infinity })}, which is no Error`;
  if (thrown.message.includes("Identifier '.default'")) return `${thrown.name}: there are two \`export default\``;
  const hint = /does not provide an export named/.test(thrown.message) ? " (is it a type? then `import type`)" : "";
  return `${thrown.name}: ${thrown.message.trim()}${hint}`;
}
