/**
 * A container without an engine: a mount namespace in which the assembled folder is the read-only root, with the volumes of
 * the Deployment mounted where it says, and the program started as 65532 without any privilege. What it lacks of a real one:
 * namespaces of its own for processes and network, cgroups, seccomp.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { until } from "../support/wait.ts";
import { ENTRYPOINT, ENVIRONMENT } from "./assemble.ts";

export interface ContainerOptions {
  /** What `assemble` made. */
  readonly root: string;
  /** Path in the container → folder here; read-only. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const UID = "65532";

/** Why it cannot be had here; undefined when it can. */
export function cannotContain(): string | undefined {
  if (process.platform !== "linux") return "no Linux";
  if (process.getuid?.() !== 0) return "only root may mount and change the user";
  const { status } = spawnSync("unshare", ["--mount", "true"]);
  return status === 0 ? undefined : "no mount namespace: `unshare --mount` is not allowed here";
}

export class Container {
  /** Undefined while it runs. */
  exitCode: number | null | undefined;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #output = "";

  constructor(context: Pick<TestContext, "after">, { root, volumes, args, env }: ContainerOptions) {
    // The places to mount on are made by the container runtime, here as there.
    for (const place of Object.keys(volumes)) mkdirSync(join(root, place), { recursive: true });
    const script = [
      'mount --bind "$1" "$1"',
      'mount -o remount,bind,ro,nosuid,nodev "$1"',
      ...Object.entries(volumes).flatMap(([place, folder]) => [
        `mount --bind '${folder}' "$1${place}"`,
        `mount -o remount,bind,ro "$1${place}"`,
      ]),
      'root="$1"; shift',
      `exec setpriv --no-new-privs chroot --userspec=${UID}:${UID} --groups=${UID} "$root" ${ENTRYPOINT.join(" ")} "$@"`,
    ].join(" && ");
    // All of it is one process after the other, by exec: the signals that it gets are the program's.
    this.#child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", root, ...args], {
      cwd: "/",
      env: { ...ENVIRONMENT, ...env, PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    this.#child.on("close", (code) => (this.exitCode = code));
    context.after(() => this.#child.kill("SIGKILL"));
  }

  get output(): string {
    return this.#output;
  }

  async says(pattern: RegExp): Promise<void> {
    await until(
      () => {
        if (this.exitCode !== undefined)
          throw new Error(`ended (${this.exitCode}) before ${pattern}:\n${this.#output}`);
        return pattern.test(this.#output);
      },
      { what: `it says ${pattern}`, everyMs: 10 },
    );
  }

  /** A field of the process's status, as the kernel has it: `VmRSS`. */
  status(field: string): string {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
  }

  /** How its root is mounted: `ro,nosuid,nodev,…` */
  rootMount(): string {
    const lines = readFileSync(`/proc/${this.#child.pid}/mountinfo`, "utf8").split("\n");
    // Source: proc(5); the fifth field is the place as the process sees it.
    return lines.map((line) => line.split(" ")).find((fields) => fields[4] === "/")?.[5] ?? "";
  }

  /** @returns the exit code after SIGTERM. */
  stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.ended();
  }

  /** @returns the exit code, once there is one. */
  async ended(): Promise<number | null> {
    const ended = (): { readonly code: number | null } | undefined =>
      this.exitCode === undefined ? undefined : { code: this.exitCode };
    return (await until(ended, { what: "it has ended", everyMs: 10 })).code;
  }
}
