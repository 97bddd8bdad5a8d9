/** The command line: reads it, starts what it asks for, and says in one line why that cannot run. Begun by evenkeel.mjs. */
import { statSync } from "node:fs";
import { settingsFrom, uniqueIdentity } from "../host/settings.ts";
import { parseFlags } from "./flags.ts";
import { helpText } from "./help.ts";
import { reportFailure } from "./report-failure.ts";
import manifest from "../../package.json" with { type: "json" };

const files = {
  isFile: (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  isFolder: (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
};

try {
  const { help, version, given } = parseFlags(process.argv.slice(2), process.env);
  if (help) process.stdout.write(helpText());
  else if (version) process.stdout.write(`evenkeel ${manifest.version}\n`);
  else {
    const { start } = await import("./start.ts");
    await start(settingsFrom({ given, env: process.env, cwd: process.cwd(), files, identity: uniqueIdentity() }));
    // All is closed; what may still be open is an exporter that waits for a dead collector.
    process.exit();
  }
} catch (error) {
  process.exit(reportFailure(error));
}
