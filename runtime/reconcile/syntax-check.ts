/**
 * Where a source file that does not compile is wrong. V8 keeps the position of a module's early errors (a name declared
 * twice, an export that is not there, any syntax error of a .js file) from the code that imports it, and tells it only when
 * the error ends a process. So a process of its own compiles the text, without running it, and its last words are read.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

const PROGRAM = `
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { SourceTextModule } from "node:vm";
const source = readFileSync(0, "utf8");
new SourceTextModule(process.argv[1] === "typescript" ? stripTypeScriptTypes(source) : source, { identifier: "source" });`;

/** Compiling takes some 30 ms; a machine that needs a hundred times that has other worries than a column. */
const DEADLINE_MS = 3000;

/** `:line:column` of the first error in `source`; empty where none is found. */
export async function locateSyntaxError(source: string, language: "typescript" | "javascript"): Promise<string> {
  const flags = ["--no-warnings", "--experimental-vm-modules", "--input-type=module"];
  const child = spawn(process.execPath, [...flags, "--eval", PROGRAM, language], {
    stdio: ["pipe", "ignore", "pipe"],
    timeout: DEADLINE_MS,
  });
  const failed = new Promise<string>((resolve) => void child.once("error", () => resolve("")));
  child.stdin.on("error", () => {}); // it may end before it has read everything
  child.stdin.end(source);
  return caret(await Promise.race([text(child.stderr), failed])) ?? "";
}

/**
 * Reads what Node prints above a SyntaxError: `FILE:LINE`, the line (the type stripper: also the one before), and carets
 * below the place.
 * @returns `:line:column`, or undefined when `report` does not begin like that.
 */
export function caret(report: string): string | undefined {
  const [, line, marks] = /^[^\n]*:(\d+)\n(?:[^\n]*\n){1,2}?([ \t]*)\^+[ \t]*(?:\n|$)/.exec(report) ?? [];
  return line === undefined || marks === undefined ? undefined : `:${line}:${marks.length + 1}`;
}
