/** A flag of an npm script without the `--` before it is npm's: it keeps it, with a warning, and we do not see it. */

/**
 * @param script as npm calls it: `start`, `manifests`.
 * @param flags long ones, such as `--empty`; without those that are npm's own too.
 * @returns what to say of the first that npm kept.
 */
export function takenByNpm(
  env: Readonly<Record<string, string | undefined>>,
  { script, flags }: { readonly script: "start" | "manifests"; readonly flags: Iterable<string> },
): string | undefined {
  if (env["npm_lifecycle_event"] !== script) return undefined;
  for (const flag of flags) {
    if (env[`npm_config_${flag.slice(2).replaceAll("-", "_")}`] === undefined) continue;
    const command = script === "start" ? "npm start" : `npm run ${script}`;
    return `npm took ${flag} for its own: put -- before it, \`${command} -- ${flag}\``;
  }
  return undefined;
}
