/** Follows the text of the configuration file. What it means is not known here. */
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { watchFolders } from "../reconcile/watch-folders.ts";
import { readConfigText } from "./config-file.ts";

/** The text, or why it cannot be read: FILE_NOT_FOUND or CONFIG_INVALID. */
export type Reading = string | EvenkeelError;

/**
 * Reads the file, and again whenever it changes: written, renamed over, or swapped as a ConfigMap volume is. It need not be
 * there.
 * @param file absolute.
 * @param onChange gets each later reading that differs from the one before; must not throw.
 */
export async function watchConfig({
  file,
  clock,
  onChange,
}: {
  readonly file: string;
  readonly clock: Clock;
  readonly onChange: (reading: Reading) => void;
}): Promise<{ readonly initial: Reading; close(): void }> {
  let isClosed = false;
  let last: Promise<Reading>;
  // Watched before it is first read: a change made meanwhile is seen by the next look.
  const watch = watchFolders({
    folders: () => homes(file),
    clock,
    look: async () => {
      const before = await last;
      last = read(file);
      const reading = await last;
      if (!isClosed && String(reading) !== String(before)) onChange(reading);
    },
  });
  last = read(file);
  const close = (): void => {
    isClosed = true;
    watch.close();
  };
  return { initial: await last, close };
}

async function read(file: string): Promise<Reading> {
  try {
    return await readConfigText(file);
  } catch (error) {
    if (error instanceof EvenkeelError) return error;
    throw error;
  }
}

/** Where the file is, and where it links to: a change is made in one of them. */
function homes(file: string): readonly string[] {
  try {
    return [dirname(file), dirname(realpathSync(file))];
  } catch {
    return [dirname(file)];
  }
}
