/** What is at work after each change of the files, what is told of it, and what is shown as broken. */
import assert from "node:assert/strict";
import { rename, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { Program, type ProgramState } from "../../runtime/host/program.ts";
import { openInline } from "../support/inline-cell.ts";
import { Arrivals } from "../support/arrivals.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Files are looked at at least so often. */
const POLL_MS = 5_000;

/** A function that says its version in what it watches, and takes a section with these keys. */
function version(name: string, ...keys: readonly string[]): string {
  const section = keys.map((key) => `${key}: z.string()`).join(", ");
  return `import { ConfigMap, defineFunction, select, z } from "#evenkeel";
export default defineFunction({
  watches: select(ConfigMap, { namespace: "${name}" }),
  ${keys.length === 0 ? "" : `config: z.strictObject({ ${section} }),`}
  reconcile: () => ({}),
});
`;
}

async function programOf(context: TestContext, files: Readonly<Record<string, string>>, isConfigOptional: boolean) {
  const folder = await tempFolder(context, files);
  const clock = new VirtualClock();
  const states = new Arrivals<ProgramState>();
  const told: string[] = [];
  const program = new Program({
    functionsDir: join(folder.path, "functions"),
    configFile: join(folder.path, "evenkeel.yaml"),
    isConfigOptional,
    builtInConfig: () => "functions: { takes: { a: built-in } }",
    clock,
    open: openInline,
    onChange: states.push,
    onRefused: ({ message }) => told.push(message.replaceAll(`${folder.path}/`, "")),
  });
  context.after(() => program.close());
  return { folder, clock, states, told, program };
}

/** `NAME VERSION SECTION` of each function. */
function works({ functions, config }: ProgramState): readonly string[] {
  return [...functions].map(([name, { cell }]) => {
    const section = Object.entries(config.functions.get(name) ?? {}).map((pair) => pair.join("="));
    return [name, cell.declaration.watches.where.namespace, ...section].join(" ");
  });
}

/** Each text has its pattern, and each pattern its text. */
function alike(texts: readonly string[], patterns: readonly RegExp[], what: string): void {
  assert.equal(texts.length, patterns.length, `${what}: ${texts.join(" | ")}`);
  for (const [index, pattern] of patterns.entries()) assert.match(texts[index] ?? "", pattern, what);
}

interface Step {
  readonly act: (folder: TempFolder) => Promise<void>;
  readonly works: readonly string[];
  readonly told?: readonly RegExp[];
  readonly problems?: readonly RegExp[];
}

const write = (file: string, text: string) => (folder: TempFolder) => folder.replace(file, text);
const remove = (file: string) => (folder: TempFolder) => folder.remove(file);
const config = (text: string) => write("evenkeel.yaml", text);

const plain = { "functions/plain.ts": version("v1") };
const takes = { "functions/takes.ts": version("v1", "a") };
const good = { "evenkeel.yaml": "functions: { takes: { a: x } }" };
const strange = /^ ?evenkeel\.yaml:1:14: functions\.takes: there is no such function \(there are plain\)/;
const unreadable = /functions: the folder cannot be read/;

const rows: readonly {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly isConfigOptional?: boolean;
  readonly steps: readonly Step[];
}[] = [
  {
    name: "a function that is gone stops, and its section, told once, holds up no other function",
    files: { ...plain, ...takes, ...good },
    steps: [
      { act: remove("functions/takes.ts"), works: ["plain v1"], told: [strange], problems: [strange] },
      { act: write("functions/plain.ts", version("v2")), works: ["plain v2"], problems: [strange] },
      {
        act: write("functions/more.ts", version("v1")),
        works: ["plain v2", "more v1"],
        told: [/functions\.takes: .*\(there are more, plain\)/],
        problems: [/functions\.takes/],
      },
      { act: config("functions: {}"), works: ["plain v2", "more v1"] },
    ],
  },
  {
    name: "a function that comes back finds its section again",
    files: { ...plain, ...takes, ...good },
    steps: [
      { act: remove("functions/takes.ts"), works: ["plain v1"], told: [strange], problems: [strange] },
      { act: write("functions/takes.ts", version("v2", "a")), works: ["plain v1", "takes v2 a=x"] },
    ],
  },
  {
    name: "a bad configuration is told once and holds up no function that fits the last good one",
    files: { ...plain, ...takes, ...good },
    steps: [
      { act: config("functions: ["), works: ["plain v1", "takes v1 a=x"], told: [/yaml:1:/], problems: [/yaml:1:/] },
      {
        act: write("functions/takes.ts", version("v2", "a")),
        works: ["plain v1", "takes v2 a=x"],
        problems: [/yaml:1/],
      },
      {
        act: write("functions/takes.ts", version("v3", "b")),
        works: ["plain v1", "takes v2 a=x"],
        told: [/^evenkeel\.yaml \(the last good one\):1:\d+: functions\.takes\.b/],
        problems: [/yaml:1:/, /takes\.b/],
      },
      { act: remove("functions/takes.ts"), works: ["plain v1"], problems: [/yaml:1:/] },
      { act: config(""), works: ["plain v1"] },
    ],
  },
  {
    name: "a function and its section that need each other are taken in together, the section first",
    files: { ...plain, ...takes, ...good },
    steps: [
      {
        act: config("functions: { takes: { a: y, b: z } }"),
        works: ["plain v1", "takes v1 a=x"],
        told: [/functions\.takes/],
        problems: [/functions\.takes/],
      },
      { act: write("functions/takes.ts", version("v2", "a", "b")), works: ["plain v1", "takes v2 a=y b=z"] },
    ],
  },
  {
    name: "a function and its section that need each other are taken in together, the function first",
    files: { ...plain, ...takes, ...good },
    steps: [
      {
        act: write("functions/takes.ts", version("v2", "a", "b")),
        works: ["plain v1", "takes v1 a=x"],
        told: [/functions\.takes\.b/],
        problems: [/functions\.takes\.b/],
      },
      { act: config("functions: { takes: { a: y, b: z } }"), works: ["plain v1", "takes v2 a=y b=z"] },
    ],
  },
  {
    name: "a file that never loaded is no problem once it is gone",
    files: { ...plain, "evenkeel.yaml": "" },
    steps: [
      {
        act: write("functions/oops.ts", "export default {"),
        works: ["plain v1"],
        told: [/oops/],
        problems: [/^oops functions\/oops\.ts:/],
      },
      { act: remove("functions/oops.ts"), works: ["plain v1"] },
    ],
  },
  {
    name: "a folder that cannot be read is told once and is no problem once it can be read again",
    files: { ...plain, "evenkeel.yaml": "" },
    steps: [
      {
        async act({ path }) {
          await rename(join(path, "functions"), join(path, "aside"));
          await symlink("functions", join(path, "functions"));
        },
        works: ["plain v1"],
        told: [unreadable],
        problems: [/^functions\/ functions: the folder cannot be read/],
      },
      {
        async act({ path }) {
          await unlink(join(path, "functions"));
          await rename(join(path, "aside"), join(path, "functions"));
        },
        works: ["plain v1"],
      },
    ],
  },
  {
    name: "an optional configuration that comes later is taken in, and goes on when it is gone",
    files: { ...plain, ...takes },
    isConfigOptional: true,
    steps: [
      { act: write("functions/plain.ts", version("v2")), works: ["plain v2", "takes v1 a=built-in"] },
      { act: config("functions: { takes: { a: x } }"), works: ["plain v2", "takes v1 a=x"] },
      {
        act: remove("evenkeel.yaml"),
        works: ["plain v2", "takes v1 a=x"],
        told: [/the configuration cannot be read/],
        problems: [/the configuration cannot be read/],
      },
    ],
  },
  {
    name: "a configuration that comes later and is bad is told, and what was built in goes on",
    files: { ...plain, ...takes },
    isConfigOptional: true,
    steps: [
      {
        act: config("functions: ["),
        works: ["plain v1", "takes v1 a=built-in"],
        told: [/yaml:1:/],
        problems: [/yaml:1:/],
      },
      { act: remove("functions/takes.ts"), works: ["plain v1"], problems: [/yaml:1:/] },
    ],
  },
];

suite("while the program runs", () => {
  for (const { name, files, isConfigOptional = false, steps } of rows) {
    test(name, async (context) => {
      const { folder, clock, states, told, program } = await programOf(context, files, isConfigOptional);
      assert.deepEqual((await program.start()).problems, []);
      for (const [index, { act, works: expected, told: says = [], problems = [] }] of steps.entries()) {
        await act(folder);
        await clock.advance(POLL_MS);
        const state = await states.next();
        assert.deepEqual(works(state), expected, `step ${index}`);
        alike(told.splice(0), says, `told in step ${index}`);
        alike(
          state.problems.map(({ about, message }) => [about, message].join(" ").replaceAll(`${folder.path}/`, "")),
          problems,
          `problems after step ${index}`,
        );
      }
      await clock.advance(2 * POLL_MS);
      assert.deepEqual([states.untakenCount, told], [0, []], "nothing is told when nothing changes");
    });
  }
});

suite("at the start", () => {
  test("a configuration that has to be there is an error when it is not", async (context) => {
    const { program } = await programOf(context, plain, false);
    await assert.rejects(program.start(), { code: "FILE_NOT_FOUND", message: /evenkeel\.yaml/ });
  });

  test("one that is there and cannot be read is an error, optional or not", async (context) => {
    const { program } = await programOf(context, { ...plain, "evenkeel.yaml/a": "" }, true);
    await assert.rejects(program.start(), { code: "FILE_NOT_FOUND" });
  });

  test("a section that does not fit is an error", async (context) => {
    const { program } = await programOf(
      context,
      { ...takes, "evenkeel.yaml": "functions: { takes: { a: 1 } }" },
      false,
    );
    await assert.rejects(program.start(), { code: "CONFIG_INVALID", message: /1:\d+: functions\.takes\.a/ });
  });
});
