/**
 * What a function prints. In development it reaches the developer, once for each run that counts, marked with the function's
 * name. Elsewhere it goes nowhere: what functions handle may be secret, and a host's output is its log.
 */
import { format, inspect } from "node:util";

/** Of one task. Enough for an object or two; not enough to fill a host's memory in a loop. */
const MAX_CHARS = 16_384;

/** Methods of console that say their arguments. The others (counters, timers, groups) are there and do nothing. */
const SAYING: ReadonlySet<string> = new Set(["log", "info", "debug", "warn", "error", "trace"]);
const SHOWING: ReadonlySet<string> = new Set(["dir", "dirxml", "table"]);

export class Printing {
  #text = "";
  #isOn = false;

  /** From now on, `console` of this thread is this one. */
  constructor() {
    const console: Record<string, (...said: unknown[]) => void> = {};
    for (const method of Object.keys(globalThis.console)) console[method] = this.#method(method);
    Object.defineProperty(globalThis, "console", { value: console, writable: true, configurable: true });
  }

  /** What is printed from now on counts. */
  begin(): void {
    this.#text = "";
    this.#isOn = true;
  }

  /** What is printed from now on does not. */
  end(): void {
    this.#isOn = false;
  }

  /** What was printed since {@link begin}; from now on nothing counts. */
  take(): string {
    this.end();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #method(method: string): (...said: unknown[]) => void {
    if (SAYING.has(method)) return (...said) => this.#add(() => format(...said));
    if (SHOWING.has(method)) return (shown) => this.#add(() => inspect(shown));
    if (method === "assert")
      return (isTrue, ...said) => this.#add(() => (isTrue ? "" : format("assertion failed", ...said)));
    return () => {};
  }

  #add(line: () => string): void {
    const room = MAX_CHARS - this.#text.length;
    if (!this.#isOn || room <= 0) return;
    const said = line();
    if (said !== "") this.#text += said.length < room ? `${said}\n` : `${said.slice(0, room)}… and more\n`;
  }
}
