/** One server of the control plane as a child process: its pid, its log, how it is paused and ended. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

import { until } from "../support/wait.ts";

const LOG_TAIL_LINES = 20;

export class ServerProcess {
  readonly name: string;
  readonly pid: number;
  readonly #logFile: string;
  #end: string | undefined;
  #isStopping = false;

  /** @throws Error when the program cannot be started. */
  constructor(name: string, program: string, args: readonly string[], logFile: string) {
    const log = openSync(logFile, "a");
    // Its own session: Ctrl-C reaches the test alone, which then ends its servers in order. See also reaper.ts.
    const child = spawn(program, args, { detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    child.on("error", (error) => (this.#end = error.message));
    child.on("exit", (code, signal) => (this.#end = signal ?? `code ${code}`));
    child.unref();
    if (child.pid === undefined) throw new Error(`cannot start ${program}; is it for this machine?`);
    this.name = name;
    this.pid = child.pid;
    this.#logFile = logFile;
  }

  /** @throws Error with the end of its log when it has ended and nobody asked it to. */
  assertAlive(): void {
    if (this.#end === undefined || this.#isStopping) return;
    const tail = readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    throw new Error(`${this.name} ended by itself (${this.#end}); the end of its log:\n${tail}`);
  }

  /** SIGSTOP: its connections stay open and nothing answers, as with a machine that hangs. */
  pause(): void {
    this.#kill("SIGSTOP");
  }

  resume(): void {
    this.#kill("SIGCONT");
  }

  /** Asks it to end, makes it end after `limitMs`, and returns when it has. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopping ||= this.#end === undefined;
    this.resume(); // a paused process would not see the SIGTERM
    this.#kill("SIGTERM");
    const hasEnded = (): boolean => this.#end !== undefined;
    try {
      await until(hasEnded, { what: `${this.name} ends`, limitMs });
    } catch {
      this.#kill("SIGKILL");
      await until(hasEnded, { what: `${this.name} ends after SIGKILL` });
    }
  }

  /** Never after its end: the pid may be someone else's by then. */
  #kill(signal: NodeJS.Signals): void {
    if (this.#end === undefined) process.kill(this.pid, signal);
  }
}
