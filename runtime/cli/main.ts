/** The command line: reads it, starts what it asks for, and says in one line why that cannot run. Begun by evenkeel.mjs. */
import { statSync } from "node:fs";
import { settingsFrom, uniqueIdentity } from "../host/settings.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { exitCode } from "./exit-code.ts";
import { parseFlags } from "./flags.ts";
import { helpText } from "./help.ts";

const files = {
  isFile: (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  isFolder: (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
};

try {
  const { help, given } = parseFlags(process.argv.slice(2), process.env);
  if (help) process.stdout.write(helpText());
  else {
    const { start } = await import("./start.ts");
    await start(settingsFrom({ given, env: process.env, cwd: process.cwd(), files, identity: uniqueIdentity() }));
    // All is closed; what may still be open is an exporter that waits for a dead collector.
    process.exit();
  }
} catch (error) {
  const isOurs = error instanceof EvenkeelError && error.code !== "BUG";
  process.stderr.write(`evenkeel: ${isOurs ? reason(error) : (error as Error).stack}\n`);
  process.exit(exitCode(error));
}

/** The message, and the cause where that is one of ours too and is not quoted already. */
function reason({ message, cause }: Error): string {
  const isNews = cause instanceof EvenkeelError && !message.includes(cause.message);
  return isNews ? `${message} (${cause.message})` : message;
}
