/** A folder for all tests of a suite, removed after the last. Call it where the suite is defined, use it in tests and hooks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

export function suiteFolder(): () => string {
  let folder: string | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "evenkeel-manifests-"));
  });
  after(() => (folder === undefined ? undefined : rm(folder, { recursive: true, force: true })));
  return () => {
    if (folder === undefined) throw new Error("the suite has not begun");
    return folder;
  };
}
