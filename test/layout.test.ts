/** The floor plan is executable: a room imports only rooms to its left, and what is in no room is no part of the house. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { suite, test } from "node:test";
import manifest from "../package.json" with { type: "json" };

const root = resolve(import.meta.dirname, "..");

/** What each room may import besides itself. The order of the list is the order of the house. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  clock: [],
  collections: [],
  trace: ["clock"],
  kube: ["collections", "clock", "trace"],
  cache: ["collections", "clock", "trace", "kube"],
  queue: ["collections", "clock", "trace", "kube"],
  lease: ["clock", "trace", "kube"],
  reconcile: ["collections", "clock", "trace", "kube", "cache", "queue", "lease"],
  host: ["clock", "trace", "kube", "cache", "queue", "lease", "reconcile"],
  manifests: ["clock", "trace", "kube", "cache", "queue", "lease", "reconcile", "host"],
  apiserver: ["clock", "trace", "kube"],
  cli: ["clock", "trace", "kube", "cache", "queue", "lease", "reconcile", "host", "manifests", "apiserver"],
};

/** Packages that only some rooms may know. */
const keepers: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["kube"],
  undici: ["kube"],
  hono: ["host", "apiserver"],
  "@hono/node-server": ["host", "apiserver"],
  "@opentelemetry/sdk-node": ["trace"],
  "@opentelemetry/exporter-trace-otlp-grpc": ["trace"],
  "@opentelemetry/exporter-trace-otlp-http": ["trace"],
  "@opentelemetry/exporter-trace-otlp-proto": ["trace"],
  "@opentelemetry/sdk-trace": ["trace"],
  "prom-client": ["trace"],
  yaml: ["kube", "host", "manifests", "apiserver"],
};

/** Time and chance come from the clock room; elsewhere they would escape virtual time. */
const ambient = /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval)\b/;
/** Refusing the ambient world means naming it; keeping a process alive means asking for it. */
const mayNameAmbient = new Set(["runtime/reconcile/purity.ts", "runtime/cli/run.ts"]);

/** What function authors import, by the names in package.json. */
const doors: ReadonlySet<string> = new Set(Object.values(manifest.imports).map((path) => path.replace(/^\.\//, "")));

/** Functions come in by `#evenkeel`; the thread that they live in has it there before them. */
const mayImportTheDoor = new Set(["runtime/reconcile/cell/worker-thread.ts"]);

interface Import {
  readonly file: string;
  readonly from: string;
}

const files = sources(join(root, "runtime"));
const imports = files.flatMap((file) => importsOf(file));

suite("the layout of runtime/", () => {
  test("every file is in a listed room", () => {
    const strangers = files.filter((file) => file !== "runtime/index.ts" && !(roomOf(file) in mayImport));
    assert.deepEqual(strangers, []);
  });

  test("a room imports only rooms to its left", () => {
    const wrong = imports.flatMap(({ file, from }) => {
      if (!from.startsWith(".") || file === "runtime/index.ts") return [];
      const target = relative(root, resolve(root, file, "..", from))
        .split(sep)
        .join("/");
      if (!target.startsWith("runtime/")) return target === "package.json" ? [] : [`${file} imports ${target}`];
      if (target === "runtime/index.ts" && mayImportTheDoor.has(file)) return [];
      const [room, other] = [roomOf(file), roomOf(target)];
      return room === other || mayImport[room]?.includes(other) === true ? [] : [`${file} imports ${target}`];
    });
    assert.deepEqual(wrong, []);
  });

  test("a package is imported only by its keepers", () => {
    const wrong = imports.filter(({ file, from }) => {
      const rooms = keepers[Object.keys(keepers).find((name) => from === name || from.startsWith(`${name}/`)) ?? ""];
      return rooms !== undefined && !rooms.includes(roomOf(file));
    });
    assert.deepEqual(wrong, []);
  });

  test("no file imports itself by way of others, types included: what belongs together is one noun", () => {
    assert.deepEqual(circlesIn([...files, ...sources(join(root, "functions"))], targetsOf), []);
  });

  test("what is exported is imported by another file, or is a function author's", () => {
    const everywhere = [...files, ...sources(join(root, "functions")), ...sources(join(root, "test"))];
    const imported = new Set(everywhere.flatMap(namesImported));
    const idle = files
      .filter((file) => !doors.has(file))
      .flatMap((file) => namesExported(file).map((name) => `${file} ${name}`))
      .filter((name) => !imported.has(name));
    assert.deepEqual(idle, []);
  });

  test("time and chance come from the clock alone", () => {
    const outside = files.filter((file) => !file.startsWith("runtime/clock/") && !mayNameAmbient.has(file));
    const wrong = outside.filter((file) => ambient.test(withoutComments(read(file))));
    assert.deepEqual(wrong, []);
  });

  test("the check sees what there is to see", () => {
    assert.ok(files.length > 50 && imports.length > files.length, `${files.length} files, ${imports.length} imports`);
    assert.deepEqual(namesExported("runtime/clock/clock.ts"), ["Timer", "Clock", "systemClock", "sleep", "backoffMs"]);
    assert.ok(namesImported("functions/mirror.ts").includes("functions/lib/copy.ts copyInto"));
    const circle: Readonly<Record<string, readonly string[]>> = { a: ["b"], b: ["c", "d"], c: ["b"], d: [] };
    assert.deepEqual(
      circlesIn(["a", "b", "c", "d"], (file) => circle[file] ?? []),
      ["b → c → b"],
    );
    const text = 'accept("*/*", `/v3/*`); run(); /* no */ go("\\"/*"); /** no\n no */\n  // no\nend("//");';
    assert.equal(withoutComments(text), 'accept("*/*", `/v3/*`); run();  go("\\"/*"); \n\nend("//");');
  });
});

suite("the layout of functions/", () => {
  test("functions import #evenkeel and their own files, nothing else", () => {
    const deployed = sources(join(root, "functions")).filter((file) => !file.endsWith(".test.ts"));
    const own = deployed.flatMap((file) => importsOf(file));
    const wrong = own.filter(({ file, from }) => {
      if (!from.startsWith(".")) return from !== "#evenkeel";
      return !resolve(root, file, "..", from).startsWith(join(root, "functions") + sep);
    });
    assert.deepEqual(wrong, []);
    assert.ok(own.length > 0);
  });
});

function sources(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => /\.m?[jt]s$/.test(name))
    .map((name) => relative(root, join(folder, name)).split(sep).join("/"));
}

function roomOf(file: string): string {
  return file.split("/")[1] ?? "";
}

function importsOf(file: string): readonly Import[] {
  const found = withoutComments(read(file)).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g);
  return [...found].flatMap(([, from]) => (from === undefined ? [] : [{ file, from }]));
}

/** The files that `file` imports, types included. Packages are none. */
function targetsOf(file: string): readonly string[] {
  const byName: Readonly<Record<string, string>> = manifest.imports;
  return importsOf(file).flatMap(({ from }) => {
    const path = from.startsWith(".") ? resolve(root, file, "..", from) : byName[from];
    return path === undefined ? [] : [relative(root, resolve(root, path)).split(sep).join("/")];
  });
}

/** `a → b → a`: at least one of every knot of files that reach each other. */
function circlesIn(from: readonly string[], targets: (file: string) => readonly string[]): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" → "));
    else if (!done.has(file)) for (const target of targets(file)) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of from.filter((file) => !file.endsWith(".test.ts"))) visit(file, []);
  return found;
}

function namesExported(file: string): readonly string[] {
  const declared = read(file).matchAll(
    /^export (?:async |abstract )?(?:const|let|function\*?|class|interface|type) (\w+)/gm,
  );
  return [...declared].flatMap(([, name = ""]) => name);
}

/** `FILE NAME` of each, whether it is imported, exported again or taken out of an `await import()`. */
function namesImported(file: string): readonly string[] {
  const text = withoutComments(read(file));
  const fixed = text.matchAll(/\{([^{}]*)\}\s*from\s*"([^"]+)"/g);
  const later = text.matchAll(/\{([^{}]*)\}\s*=\s*await import\(\s*"([^"]+)"/g);
  return [...fixed, ...later].flatMap(([, names = "", from = ""]) => {
    const target = relative(root, resolve(root, file, "..", from))
      .split(sep)
      .join("/");
    return names.split(",").map((name) => `${target} ${/^\s*(?:type\s+)?(\w*)/.exec(name)?.[1] ?? ""}`);
  });
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Strings stay, and what looks like a comment in them. */
function withoutComments(text: string): string {
  return text.replaceAll(/("(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "$1");
}
