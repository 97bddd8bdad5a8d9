/** The host as its users run it: a process of its own, started by its command line, read by its output, ended by a signal. */
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { until } from "../support/wait.ts";

export interface HostProcessOptions {
  /** Flags, as after `npm start --`. */
  readonly args?: readonly string[];
  /** Where the endpoints listen; `default` gives no flag. @default any free port of loopback */
  readonly address?: "default" | `${string}:${number}`;
  /** A shell line that starts the host, in place of the command line of our own. */
  readonly command?: string;
  /** Where relative paths start and the kubeconfig of the embedded server is written: a folder of the test's own. */
  readonly cwd: string;
  /** Added to a bare environment: nothing of the developer's shell reaches the host. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const MAIN = join(import.meta.dirname, "..", "..", "runtime", "cli", "evenkeel.mjs");
/** Two cores that also run a control plane. What is waited for takes a tenth of it. */
const LINE_LIMIT_MS = 30_000;
const EXIT_LIMIT_MS = 20_000;

/** A stack is for bugs of our own: no mistake of a user's and no trouble of a cluster's shows one. */
const STACK = /^\s+at |Stack"|node:internal/m;

export class HostProcess {
  readonly startedMs: number = systemClock.now();
  /** Undefined while it runs. */
  exit: Exit | undefined;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  /** A signal must reach the host below a shell and npm. */
  readonly #isGroup: boolean;
  #stdout = "";
  #stderr = "";

  /** Starts it; killed, if nothing else has ended it, when the test ends. */
  constructor(context: Pick<TestContext, "after">, options: HostProcessOptions) {
    const { cwd, env = {} } = options;
    const [program, args] = programOf(options);
    this.#isGroup = options.command !== undefined;
    this.#child = spawn(program, args, {
      detached: this.#isGroup,
      cwd,
      // HOME: a kubeconfig of the developer is never found.
      env: { PATH: process.env["PATH"], HOME: cwd, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    // `close` and not `exit`: by then all that it said has been read.
    const kill = (): void => this.signal("SIGKILL");
    this.#child.on("close", (code, signal) => {
      this.exit = { code, signal };
      process.off("exit", kill);
    });
    process.once("exit", kill);
    context.after(kill);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Everything, for the messages of failed tests. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  /**
   * The first match in the standard output, also in what was said before the call.
   * @param pattern told from text: `^` and `$` need the flag m.
   * @throws Error with all the output, at once when the host has ended
   */
  waitForLine(pattern: RegExp, limitMs = LINE_LIMIT_MS): Promise<RegExpExecArray> {
    const ask = (): RegExpExecArray | undefined => {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (this.exit !== undefined)
        throw new Error(`ended (${JSON.stringify(this.exit)}) before ${pattern}:\n${this.output}`);
      return undefined;
    };
    return this.#explained(() => until(ask, { what: `the host prints ${pattern}`, limitMs, everyMs: 20 }));
  }

  /** As `waitForLine`, and in what is said from now on only. */
  waitForNewLine(pattern: RegExp, limitMs = LINE_LIMIT_MS): Promise<RegExpExecArray> {
    const said = this.#stdout.length;
    const ask = (): RegExpExecArray | undefined => pattern.exec(this.#stdout.slice(said)) ?? undefined;
    return this.#explained(() => until(ask, { what: `the host prints ${pattern} again`, limitMs, everyMs: 20 }));
  }

  /** Base URL of its endpoints, as it prints it. */
  async address(): Promise<string> {
    const [, address = ""] = await this.waitForLine(/(?:"address":"|address=|status +)(http:\/\/[\w.:[\]]+)/);
    return address;
  }

  /** How it ended. @throws Error when it has not by then */
  exited(limitMs = EXIT_LIMIT_MS): Promise<Exit> {
    return this.#explained(() => until(() => this.exit, { what: "the host has ended", limitMs, everyMs: 20 }));
  }

  /** Asks it to stop, as Kubernetes and Ctrl-C do, and holds it to a clean end. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const exit = await this.exited();
    assert.deepEqual(exit, { code: 0, signal: null }, this.output);
    assert.equal(this.#stderr, "", "a clean end says nothing on stderr");
    assert.doesNotMatch(this.#stdout, STACK);
  }

  /** Holds it to ending by itself with one line, and nothing else. @param says the line, without its `evenkeel: ` */
  async refuses(says: RegExp, code: 1 | 2 = 1): Promise<void> {
    const exit = await this.exited();
    assert.match(this.#stderr, /^evenkeel: [^\n]+\n$/, this.output);
    assert.match(this.#stderr.replace(/^evenkeel: /, "").trimEnd(), says);
    assert.deepEqual(exit, { code, signal: null });
    assert.equal(this.#stdout, "", "what it says is in one place");
  }

  /** Waits until /readyz answers so: what is told in a line is true a moment later. @param failing the check that fails */
  async readyIs(status: 200 | 500, failing = ""): Promise<void> {
    const address = await this.address();
    const isSo = async (): Promise<boolean> => {
      const answer = await fetch(`${address}/readyz?verbose`);
      const text = await answer.text();
      return answer.status === status && (failing === "" || text.includes(`[-]${failing}`));
    };
    await this.#explained(() => until(isSo, { what: `/readyz answers ${status} ${failing}` }));
  }

  signal(signal: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const { pid } = this.#child;
    if (this.exit !== undefined || pid === undefined) return;
    try {
      process.kill(this.#isGroup ? -pid : pid, signal);
    } catch (error) {
      // It ended just now, and `close` is on its way.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  async #explained<T>(wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (error) {
      if (!(error instanceof Error) || error.message.includes("\n")) throw error;
      throw new Error(`${error.message}\n${this.output}`, { cause: error });
    }
  }
}

function programOf({ command, args = [], address = "127.0.0.1:0" }: HostProcessOptions): [string, readonly string[]] {
  if (command !== undefined) return ["sh", ["-c", command]];
  return [process.execPath, [MAIN, ...(address === "default" ? [] : ["--address", address]), ...args]];
}
