/**
 * Promises that no server outlives the test process, however that ends: a shell that holds the other end of a pipe. When
 * the pipe closes (exit, signal, SIGKILL, crash) it kills the pids that it was last told and removes the folder.
 */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

// Killed processes may still write for a moment, and would bring the folder back.
const SCRIPT = `
while read -r line; do pids=$line; done
if [ -n "$pids" ]; then kill -9 $pids 2>/dev/null; sleep 1; fi
rm -rf -- "$1"
`;

export class Reaper {
  readonly #shell: ChildProcessByStdio<Writable, null, null>;

  constructor(folder: string) {
    // Its own session: Ctrl-C must not end it before it has done its work.
    this.#shell = spawn("sh", ["-c", SCRIPT, "reaper", folder], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // An open pipe keeps this process alive only while something is written.
    this.#shell.unref();
    if (this.#shell.stdin instanceof Socket) this.#shell.stdin.unref();
  }

  /** Replaces the processes that die with this one. */
  watch(pids: readonly number[]): void {
    this.#shell.stdin.write(`${pids.join(" ")}\n`);
  }

  /** All servers have ended: removes the folder and returns when that is done. */
  async finish(): Promise<void> {
    this.watch([]);
    this.#shell.ref();
    this.#shell.stdin.end();
    await once(this.#shell, "exit");
  }
}
