/** A headless Chromium of the test's own: found or, in CI, installed; with a fresh profile; ended with the test. */
import { execFileSync, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { DevTools, type Tab } from "./devtools.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The browser's path, or why there is none. In CI a browser that cannot be had is an error. */
export function findChromium(env: NodeJS.ProcessEnv): { readonly path: string } | { readonly why: string } {
  const found = onPath(env);
  if (found !== undefined) return { path: found };
  if (env["CI"] !== "true") return { why: "there is no Chromium: sh test/browser/install.sh" };
  execFileSync("sh", [join(import.meta.dirname, "install.sh")], { stdio: "inherit" });
  const installed = onPath(env);
  if (installed === undefined) throw new Error("Chromium was installed and is not on the PATH");
  return { path: installed };
}

function onPath(env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Browser {
  /** A new tab without anything in it. */
  open(): Promise<Tab>;
}

const FLAGS = [
  "--headless",
  // Chromium's own sandbox wants a user that is not root, or user namespaces; the only page it sees is ours.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

export async function startChromium(context: Pick<TestContext, "after">, path: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "evenkeel-browser-"));
  const child = spawn(path, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const { promise: address, resolve, reject } = Promise.withResolvers<string>();
  lines.on("line", (line) => {
    said.push(line);
    const match = /DevTools listening on (ws:\S+)/.exec(line);
    if (match?.[1] !== undefined) resolve(match[1]);
  });
  child.once("exit", (code) => reject(new Error(`Chromium ended (${code}):\n${said.join("\n")}`)));
  child.once("error", reject);
  const devTools = await DevTools.connect(await address);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  child.once("close", () => end());
  context.after(async () => {
    process.off("exit", kill);
    // Asked first, so that its helpers end with it and let go of the profile.
    await devTools.send("Browser.close").catch(kill);
    await ended;
    await rm(profile, { recursive: true, force: true });
  });
  return { open: () => devTools.open() };
}
