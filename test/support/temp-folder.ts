/** A folder of its own for one test, removed when the test ends. */
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

export interface TempFolder {
  readonly path: string;
  readonly write: (file: string, text: string) => Promise<void>;
  /** As editors save: a new file is written beside the old one, then renamed over it. */
  replace(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
}

export async function tempFolder(
  context: Pick<TestContext, "after">,
  files: Readonly<Record<string, string>> = {},
): Promise<TempFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "evenkeel-")));
  context.after(() => rm(path, { recursive: true, force: true }));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  };
  for (const [file, text] of Object.entries(files)) await write(file, text);
  return {
    path,
    write,
    async replace(file, text) {
      await write(`${file}~`, text);
      await rename(join(path, `${file}~`), join(path, file));
    },
    remove: (file) => rm(join(path, file), { recursive: true, force: true }),
  };
}
