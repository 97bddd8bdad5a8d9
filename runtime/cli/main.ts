/** The entry of `npm start`: reads the command line and says in one line why it cannot run. */
import { statSync } from "node:fs";
import { enableCompileCache } from "node:module";

if (Number(process.versions.node.split(".")[0]) < 26) {
  console.error(
    `evenkeel needs Node 26 and this is ${process.version}; run it with \`npm start\`, which brings its own`,
  );
  process.exit(1);
}

// Compiled modules are kept in the folder for temporary files: a third off every start but the first.
enableCompileCache();

const { parseFlags } = await import("./flags.ts");
const { helpText } = await import("./help.ts");
const { exitCode } = await import("./exit-code.ts");
const { settingsFrom, uniqueIdentity } = await import("../host/settings.ts");
const { EvenkeelError } = await import("../kube/errors.ts");

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

/** The message, and the cause where that is one of ours too. */
function reason(error: Error): string {
  return error.cause instanceof EvenkeelError ? `${error.message} (${error.cause.message})` : error.message;
}
