/**
 * The entry of `npm run manifests`: writes `manifests/` from the functions and from the `evenkeel.yaml` files in it; with
 * `--check` it writes nothing and fails when something would change.
 */
import { glob, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../clock/clock.ts";
import { parseConfig, readConfigText } from "../host/config-file.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { DNS_LABEL } from "../kube/object.ts";
import { CONFIG_FILE, NAME, prefixesOf, type Installation } from "../manifests/installation.ts";
import { keptFlagsIn, type KeptFlags } from "../manifests/kept-flags.ts";
import { HEADER } from "../manifests/manifest.ts";
import { withPlurals } from "../manifests/plurals.ts";
import { BASE, KUSTOMIZATION, manifestTree, OVERLAYS } from "../manifests/tree.ts";
import type { Cell } from "../reconcile/cell/cell.ts";
import { openWorker } from "../reconcile/cell/worker-cell.ts";
import { FunctionLoader } from "../reconcile/loader.ts";
import { reportFailure } from "./report-failure.ts";
import { takenByNpm } from "./taken-by-npm.ts";
import packageJson from "../../package.json" with { type: "json" };

const HELP = `Usage: npm run manifests -- [flags]

Writes the manifests of the host with its functions: rights, admission fence, Deployment and overlays. What they are drawn
from is in the same folder: base/${CONFIG_FILE}, and the ${CONFIG_FILE} of each overlay that has one of its own.

  --check                 write nothing; fail when something would change
  --dir DIR               where to write (default: manifests/ of the package)
  --functions DIR         folder of the functions (default: functions/ of the package)
  --namespace NAME        where the host lives (default: as written last; at first evenkeel). One of another name
                          must be there: it is neither applied nor deleted with the rest
  --allow-prefix PREFIX   namespaces that may be written to beside those of the configuration; may be repeated (default: as
                          written last)
  --no-allow-prefix       none beside those of the configuration
  -h, --help              print this and exit
`;

const root = fileURLToPath(new URL("../..", import.meta.url));

const OPTIONS = {
  check: { type: "boolean", default: false },
  dir: { type: "string", default: join(root, "manifests") },
  functions: { type: "string", default: join(root, "functions") },
  namespace: { type: "string" },
  "allow-prefix": { type: "string", multiple: true },
  "no-allow-prefix": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Flags = ReturnType<typeof readFlags>;

try {
  const flags = readFlags(process.argv.slice(2));
  if (flags.help) process.stdout.write(HELP);
  else await writeTree(await treeFor(flags), flags);
} catch (error) {
  process.exitCode = reportFailure(error);
}

function readFlags(args: readonly string[]) {
  const flags = Object.keys(OPTIONS).flatMap((name) => (name === "help" ? [] : [`--${name}`]));
  const taken = takenByNpm(process.env, { script: "manifests", flags });
  if (taken !== undefined) refuse(taken);
  const { values, tokens } = parsed(args);
  const given = tokens.flatMap((token) =>
    token.kind === "option" && token.name !== "allow-prefix" ? [token.name] : [],
  );
  const twice = given.find((name, index) => given.indexOf(name) < index);
  if (twice !== undefined) refuse(`--${twice} is given twice`);
  if (values["no-allow-prefix"] && values["allow-prefix"] !== undefined)
    refuse("--allow-prefix and --no-allow-prefix exclude each other");
  const { namespace = NAME } = values;
  if (!DNS_LABEL.test(namespace) || namespace.startsWith("kube-"))
    refuse(`--namespace: ${JSON.stringify(namespace)} cannot be the namespace of the host`);
  return values;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false, tokens: true });
  } catch (error) {
    // The lines after the first are advice on how to write it all the same.
    return refuse((error as Error).message.split(/\.?\n/, 1)[0] ?? "");
  }
}

function refuse(what: string): never {
  throw new EvenkeelError("MANIFESTS_FLAG_INVALID", what);
}

async function treeFor(flags: Flags): Promise<ReadonlyMap<string, string>> {
  const dir = resolve(flags.dir);
  const functions = await load(resolve(flags.functions));
  const declarations = withPlurals(new Map([...functions].map(([name, { declaration }]) => [name, declaration])));
  const { namespace, allowedPrefixes } = await keptFlags(dir, flags);
  const installation = async (folder: string): Promise<Installation> => {
    const file = join(dir, folder, CONFIG_FILE);
    const config = await parseConfig(await readConfigText(file), { file: relative(process.cwd(), file), functions });
    const prefixes = prefixesOf(config, allowedPrefixes);
    return { namespace, version: packageJson.version, functions: declarations, prefixes, allowedPrefixes };
  };
  const configured = new Map<string, Installation>();
  for await (const file of glob(join(OVERLAYS, "*", CONFIG_FILE), { cwd: dir })) {
    const folder = dirname(file);
    configured.set(basename(folder), await installation(folder));
  }
  return manifestTree(await installation(BASE), configured);
}

/** What the flags say, or else what they said when the tree was written. */
async function keptFlags(dir: string, flags: Flags): Promise<KeptFlags> {
  const file = join(dir, BASE, KUSTOMIZATION);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const kept = text === undefined ? { namespace: NAME, allowedPrefixes: [] } : keptFlagsIn(text);
  const namespace = flags.namespace ?? kept?.namespace;
  if (namespace === undefined)
    throw new EvenkeelError(
      "CONFIG_INVALID",
      `${file} no longer says where the host lives: say it by --namespace NAME`,
    );
  const allowed = flags["no-allow-prefix"] ? [] : (flags["allow-prefix"] ?? kept?.allowedPrefixes ?? []);
  return { namespace, allowedPrefixes: [...new Set(allowed)].toSorted() };
}

/** @throws EvenkeelError of the first function that does not load: rights drawn from the rest would be wrong */
async function load(dir: string): Promise<ReadonlyMap<string, Cell>> {
  const loader = new FunctionLoader({ dir, clock: systemClock, open: openWorker(systemClock) });
  const { loaded, failed } = await loader.scan();
  const [first] = failed;
  if (first !== undefined) throw first.error;
  if (loaded.length === 0) throw new EvenkeelError("FUNCTION_FOLDER_UNUSABLE", `${dir}: there is no function in it`);
  const sorted = loaded.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map(({ name, cell }) => [name, cell]));
}

async function writeTree(tree: ReadonlyMap<string, string>, { check, dir }: Flags): Promise<void> {
  const stale = await differing(tree, resolve(dir));
  if (check && stale.length > 0) {
    process.exitCode = 1;
    process.stderr.write(`evenkeel: not as they would be written: ${stale.join(", ")}; run \`npm run manifests\`\n`);
    return;
  }
  for (const path of stale) {
    const file = join(resolve(dir), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, tree.get(path) ?? "");
  }
  process.stdout.write(stale.length === 0 ? "manifests: nothing to change\n" : `manifests: ${stale.join(", ")}\n`);
}

/** @throws EvenkeelError when one of them is somebody's own: an overlay's, say, that was written by hand */
async function differing(tree: ReadonlyMap<string, string>, dir: string): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, text] of tree) {
    const is = await readFile(join(dir, path), "utf8").catch(() => undefined);
    if (is !== undefined && !is.startsWith(HEADER))
      throw new EvenkeelError(
        "CONFIG_INVALID",
        `${path} was not written by \`npm run manifests\` and would be lost: move it, or delete it`,
      );
    if (is !== text) stale.push(path);
  }
  return stale;
}
