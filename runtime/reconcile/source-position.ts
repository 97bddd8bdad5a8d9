/** Lines and columns of source files, as messages show them: `functions/mirror.ts:3:16`. Both count from 1. */
import { relative } from "node:path";
// Imported, not taken from the global `process`: in a function's thread that one is out of reach.
import { cwd } from "node:process";

/** `:line:column` of the first match of `pattern` in `text`; empty where there is none. */
export function locate(text: string, pattern: RegExp): string {
  const at = text.search(pattern);
  if (at === -1) return "";
  const before = text.slice(0, at);
  return `:${before.split("\n").length}:${at - before.lastIndexOf("\n")}`;
}

/** Relative to the working directory where it is below it, so that the message is short and can be clicked. */
export function shortPath(path: string): string {
  const short = relative(cwd(), path);
  return short.startsWith("..") ? path : short;
}
