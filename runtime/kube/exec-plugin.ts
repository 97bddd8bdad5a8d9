/**
 * Credential plugins: a program named in the kubeconfig prints a token or a client certificate (client.authentication.k8s.io).
 * Run here and not by client-node, which runs one process per waiting caller, gives it no KUBERNETES_EXEC_INFO and keeps
 * the expiry to itself.
 */
import { execFile } from "node:child_process";
import { isAbsolute, join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { pairFault } from "./credentials.ts";
import { EvenkeelError } from "./errors.ts";
import { invalidKubeconfig } from "./kubeconfig-file.ts";
import { parseJson, recordOf, recordsOf, textOf, textsOf, type JsonRecord } from "./json.ts";

interface ExecCredential {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Until 90 % of its lifetime are over. Infinity when the plugin names no end. */
  readonly freshForMs: number;
  /** By the clock's `now`. */
  readonly expiresAtMs: number;
}

/** Long enough for a plugin that asks a slow identity provider. */
const TIMEOUT_MS = 60_000;

/** The part of a credential's life in which it is used. */
const USED_PART = 0.9;

interface ExecPlugin {
  /** `users[].user.exec` of the kubeconfig. */
  readonly exec: JsonRecord;
  /** What the plugin is told where `provideClusterInfo` asks for it: `spec.cluster`. */
  readonly cluster: JsonRecord;
  /** The kubeconfig's directory: a relative command is relative to it. */
  readonly directory: string;
  /** For messages: file and user. */
  readonly where: string;
}

/** @throws EvenkeelError KUBECONFIG_INVALID for an entry that cannot work, API_UNAUTHORIZED when the plugin fails */
export async function runExecPlugin(plugin: ExecPlugin, clock: Clock): Promise<ExecCredential> {
  const { exec, where } = plugin;
  const command = textOf(exec["command"]);
  if (command === undefined) throw invalidKubeconfig(where, "exec names no command");
  if (exec["interactiveMode"] === "Always")
    throw invalidKubeconfig(where, "exec wants a terminal (interactiveMode: Always)");
  const path = command.includes("/") && !isAbsolute(command) ? join(plugin.directory, command) : command;
  const output = await run(path, plugin, clock);
  return credentialIn(output, clock, where);
}

function environment({ exec, cluster }: ExecPlugin): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const { name, value } of recordsOf(exec["env"])) env[String(name)] = String(value);
  env["KUBERNETES_EXEC_INFO"] = JSON.stringify({
    apiVersion: exec["apiVersion"],
    kind: "ExecCredential",
    spec: { interactive: false, ...(exec["provideClusterInfo"] === true ? { cluster } : {}) },
  });
  return env;
}

function run(path: string, plugin: ExecPlugin, clock: Clock): Promise<string> {
  const { exec, where } = plugin;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(path, textsOf(exec["args"]), { env: environment(plugin) }, (error, stdout, stderr) => {
    limit.cancel();
    if (error === null) return resolve(stdout);
    // Neither output nor arguments: both may hold secrets. What it complains about on stderr is for people.
    const complaint = error.code === "ENOENT" ? (textOf(exec["installHint"]) ?? "not found") : lastLine(stderr);
    const outcome = error.killed === true ? "took too long" : `failed (${error.code ?? "signal"})`;
    return reject(new EvenkeelError("API_UNAUTHORIZED", `${where}: ${path} ${outcome}: ${complaint}`));
  });
  const limit = clock.after(TIMEOUT_MS, () => {
    // It need not heed SIGTERM; and what it started itself may go on to hold its output open.
    child.kill("SIGKILL");
    child.stdout?.destroy();
    child.stderr?.destroy();
  });
  child.stdin?.end();
  return promise;
}

function credentialIn(output: string, clock: Clock, where: string): ExecCredential {
  const status = recordOf(recordOf(parseJson(output))?.["status"]);
  const credential = {
    token: textOf(status?.["token"]),
    cert: textOf(status?.["clientCertificateData"]),
    key: textOf(status?.["clientKeyData"]),
  };
  if (credential.token === undefined && (credential.cert === undefined || credential.key === undefined)) {
    throw new EvenkeelError("API_UNAUTHORIZED", `${where}: the exec plugin printed no ExecCredential with a token`);
  }
  const { cert, key } = credential;
  const fault = cert === undefined || key === undefined ? undefined : pairFault(cert, key);
  if (fault !== undefined) {
    const what = `the exec plugin printed a certificate and a key that are no pair (${fault})`;
    throw new EvenkeelError("API_UNAUTHORIZED", `${where}: ${what}`);
  }
  const expires = Date.parse(textOf(status?.["expirationTimestamp"]) ?? "");
  const lifetimeMs = Number.isNaN(expires) ? Infinity : expires - clock.wall();
  return { ...credential, freshForMs: lifetimeMs * USED_PART, expiresAtMs: clock.now() + lifetimeMs };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
}
