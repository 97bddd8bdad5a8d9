/** `npm run manifests` as a process of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MANIFESTS, ROOT } from "./deployed.ts";

interface Said {
  readonly code: number | null;
  readonly said: string;
}

export function generate(...args: readonly string[]): Said {
  return generateUnder({}, ...args);
}

/** @param more variables beside those of this process. */
export function generateUnder(more: Readonly<Record<string, string>>, ...args: readonly string[]): Said {
  const program = join(ROOT, "runtime", "cli", "manifests.ts");
  const options = { encoding: "utf8", env: { ...process.env, ...more } } as const;
  const { status: code, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
  return { code, said: `${stdout}${stderr}` };
}

/**
 * Copies the functions and the manifests into `folder`, adds functions, and draws the manifests anew.
 * @param more file name → text.
 */
export async function generateWith(
  more: Readonly<Record<string, string>>,
  folder: string,
): Promise<{ readonly functions: string; readonly manifests: string }> {
  const [functions, manifests] = [join(folder, "functions"), join(folder, "manifests")];
  cpSync(join(ROOT, "functions"), functions, { recursive: true });
  cpSync(MANIFESTS, manifests, { recursive: true });
  for (const [file, text] of Object.entries(more)) await writeFile(join(functions, file), text);
  const { code, said } = generate("--functions", functions, "--dir", manifests);
  assert.equal(code, 0, said);
  return { functions, manifests };
}
