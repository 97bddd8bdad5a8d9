/** A child process of the benchmark: its output, its end, and that it ends with us. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

import { sleep, systemClock } from "../../runtime/clock/clock.ts";
import { childrenOf } from "./usage.ts";

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The last of it is enough to say what went wrong. */
const OUTPUT_LIMIT = 64 * 1024;

export class Child {
  readonly startedMs: number = systemClock.now();
  readonly pid: number;
  /** Resolves when it has ended and all it said has been read. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #graceMs: number;
  #hasEnded = false;
  #stdout = "";
  #stderr = "";

  /** @throws Error when the program cannot be started */
  constructor([program = "", ...args]: readonly string[], { env, cwd, graceMs }: ChildOptions) {
    this.#graceMs = graceMs;
    // Its own session: Ctrl-C reaches us alone, and we end what we started.
    this.#child = spawn(program, args, { env, cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout = last(this.#stdout + text)));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr = last(this.#stderr + text)));
    const end = (): void => this.#signal("SIGTERM");
    process.once("exit", end);
    this.exited = new Promise((resolve) => {
      this.#child.on("error", (error) => (this.#stderr += error.message));
      this.#child.on("close", (code, signal) => {
        this.#hasEnded = true;
        process.off("exit", end);
        resolve({ code, signal });
      });
    });
    if (this.#child.pid === undefined) throw new Error(`cannot start ${program}`);
    this.pid = this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Asks it to end; makes it end, with what it has started, when it does not; returns when it has. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    const ended = new AbortController();
    void this.exited.then(() => ended.abort());
    await sleep(systemClock, this.#graceMs, ended.signal);
    // First those below it: while it lives and has not waited for them, their pids are nobody else's.
    if (!this.#hasEnded) for (const pid of await childrenOf(this.pid)) process.kill(pid, "SIGKILL");
    this.#signal("SIGKILL");
    await this.exited;
  }

  /** Never after its end: the pid may be someone else's by then. */
  #signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }
}

function last(text: string): string {
  return text.slice(-OUTPUT_LIMIT);
}
